//! A golden document with its fields where a later version puts them.

use serde_json::{Map, Value};

use super::path::{Pattern, Wanted};

/// Moves what stands at `old` to `new`, for every row of the lists in both; the answer is how many values moved.
///
/// The lists of the two patterns correspond in their order: `a[].b[].c` to `x[].b[].y` moves the field of row 3 of row 2 to
/// row 3 of row 2.
///
/// # Panics
///
/// When the patterns have different numbers of lists, or one has `*`.
pub fn rename(document: &mut Value, old: &str, new: &str) -> usize {
    let (from, to) = (Pattern::new(old), Pattern::new(new));
    let lists = |pattern: &Pattern| {
        pattern.steps().iter().filter(|step| **step == Wanted::AnyElement).count()
    };
    assert_eq!(lists(&from), lists(&to), "{old} and {new} have different numbers of lists");
    let mut taken = Vec::new();
    take(document, from.steps(), &mut Vec::new(), &mut taken);
    let count = taken.len();
    for (rows, value) in taken {
        put(document, to.steps(), &rows, value);
    }
    count
}

type Taken = Vec<(Vec<usize>, Value)>;

fn take(at: &mut Value, steps: &[Wanted], rows: &mut Vec<usize>, taken: &mut Taken) {
    match (steps, at) {
        ([Wanted::Field(name)], Value::Object(fields)) => {
            taken.extend(fields.remove(name).map(|value| (rows.clone(), value)));
        }
        ([Wanted::Field(name), rest @ ..], Value::Object(fields)) => {
            if let Some(inner) = fields.get_mut(name) {
                take(inner, rest, rows, taken);
            }
        }
        ([Wanted::AnyElement, rest @ ..], Value::Array(list)) if !rest.is_empty() => {
            for (row, inner) in list.iter_mut().enumerate() {
                rows.push(row);
                take(inner, rest, rows, taken);
                rows.pop();
            }
        }
        _ => {}
    }
}

fn put(at: &mut Value, steps: &[Wanted], rows: &[usize], value: Value) {
    match steps {
        [] => *at = value,
        [Wanted::Field(name), rest @ ..] => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            if let Value::Object(fields) = at {
                put(fields.entry(name.as_str()).or_insert(Value::Null), rest, rows, value);
            }
        }
        [Wanted::AnyElement, rest @ ..] => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            if let (Value::Array(list), [row, rows @ ..]) = (at, rows) {
                while list.len() <= *row {
                    list.push(Value::Null);
                }
                put(&mut list[*row], rest, rows, value);
            }
        }
        [Wanted::AnyField, ..] => panic!("a field is not renamed to any field"),
        [Wanted::Element(_), ..] => panic!("a field is renamed in all rows"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rename;

    // Property: what is renamed stands at its new place in its own row, and nothing else moves.
    #[test]
    fn fields_move_with_their_rows() {
        let mut document =
            json!({ "a": [{ "b": [{ "c": 1, "d": 2 }, { "d": 3 }] }, { "b": [{ "c": 4 }] }] });
        assert_eq!(rename(&mut document, "a[].b[].c", "a[].b[].e.f"), 2);
        assert_eq!(
            document,
            json!({ "a": [{ "b": [{ "d": 2, "e": { "f": 1 } }, { "d": 3 }] }, { "b": [{ "e": { "f": 4 } }] }] })
        );
        assert_eq!(rename(&mut document, "a", "x.y"), 1);
        assert_eq!(document["x"]["y"][0]["b"][1]["d"], 3);
        assert_eq!(rename(&mut document, "nothing[].here", "nothing[].there"), 0);
    }

    // Property: a field goes to the same row of another list.
    #[test]
    fn a_field_moves_into_another_list() {
        let mut document =
            json!({ "a": [{ "n": 1, "m": 2 }, { "m": 4 }, { "n": 5 }], "b": [{ "k": 0 }] });
        assert_eq!(rename(&mut document, "a[].n", "b[].n"), 2);
        assert_eq!(
            document,
            json!({ "a": [{ "m": 2 }, { "m": 4 }, {}], "b": [{ "k": 0, "n": 1 }, null, { "n": 5 }] })
        );
    }
}
