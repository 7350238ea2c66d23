//! What differs between two documents, value by value.
//!
//! Rows of a list are told by what identifies them (a process by its id), so that one row more or less is one difference
//! and not one in every row behind it; that rows stand in another order is one difference of its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::{Pattern, Place, Step};

/// Which fields tell the rows of which list apart.
pub type Keys = [(&'static str, &'static [&'static str])];

/// A value that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where.
    pub place: Place,
    /// What stood there; `None` where there was nothing.
    pub golden: Option<Value>,
    /// What stands there now; `None` where there is nothing.
    pub now: Option<Value>,
}

/// All differences, in the order of the golden document.
pub fn differences(golden: &Value, now: &Value, keys: &Keys) -> Vec<Difference> {
    let mut finder = Finder { keys: patterns(keys), found: Vec::new() };
    finder.value(&Place::default(), golden, now);
    finder.found
}

fn patterns(keys: &Keys) -> Vec<(Pattern, &'static [&'static str])> {
    keys.iter().map(|(list, fields)| (Pattern::new(list), *fields)).collect()
}

struct Finder {
    keys: Vec<(Pattern, &'static [&'static str])>,
    found: Vec<Difference>,
}

impl Finder {
    fn value(&mut self, place: &Place, golden: &Value, now: &Value) {
        match (golden, now) {
            (Value::Object(golden), Value::Object(now)) => self.object(place, golden, now),
            (Value::Array(golden), Value::Array(now)) => self.list(place, golden, now),
            _ if golden == now => {}
            _ => self.differs(place.clone(), Some(golden), Some(now)),
        }
    }

    fn differs(&mut self, place: Place, golden: Option<&Value>, now: Option<&Value>) {
        self.found.push(Difference { place, golden: golden.cloned(), now: now.cloned() });
    }

    fn object(&mut self, place: &Place, golden: &Map<String, Value>, now: &Map<String, Value>) {
        for (name, was) in golden {
            let place = place.field(name);
            match now.get(name) {
                Some(is) => self.value(&place, was, is),
                None => self.differs(place, Some(was), None),
            }
        }
        for (name, is) in now.iter().filter(|(name, _)| !golden.contains_key(*name)) {
            self.differs(place.field(name), None, Some(is));
        }
    }

    fn list(&mut self, place: &Place, golden: &[Value], now: &[Value]) {
        if golden == now {
            return;
        }
        let fields = self.keys.iter().find(|(list, _)| place.is(list)).map(|(_, fields)| *fields);
        let by_key = fields.and_then(|fields| Some((rows(golden, fields)?, rows(now, fields)?)));
        let (was, is) = by_key.unwrap_or_else(|| (numbered(golden), numbered(now)));
        let index: BTreeMap<&str, &Value> =
            is.iter().map(|(label, row)| (label.as_str(), *row)).collect();
        let before: BTreeMap<&str, &Value> =
            was.iter().map(|(label, row)| (label.as_str(), *row)).collect();
        for (label, row) in &was {
            let place = place.then(Step::Element(label.clone()));
            match index.get(label.as_str()) {
                Some(now) => self.value(&place, row, now),
                None => self.differs(place, Some(row), None),
            }
        }
        for (label, row) in is.iter().filter(|(label, _)| !before.contains_key(label.as_str())) {
            self.differs(place.then(Step::Element(label.clone())), None, Some(row));
        }
        let order = |rows: &[(String, &Value)], others: &BTreeMap<&str, &Value>| -> Vec<Value> {
            let both = rows.iter().filter(|(label, _)| others.contains_key(label.as_str()));
            both.map(|(label, _)| Value::from(label.clone())).collect()
        };
        let (was, is) = (order(&was, &index), order(&is, &before));
        if was != is {
            let place = place.then(Step::Element("order".to_owned()));
            self.differs(place, Some(&Value::from(was)), Some(&Value::from(is)));
        }
    }
}

/// Rows by what tells them apart; `None` where that tells two of them not apart.
fn rows<'a>(list: &'a [Value], fields: &[&str]) -> Option<Vec<(String, &'a Value)>> {
    let label = |row: &Value| {
        let known = fields.iter().map(|field| match row.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "-".to_owned(),
        });
        known.collect::<Vec<_>>().join(" ")
    };
    let labelled: Vec<_> = list.iter().map(|row| (label(row), row)).collect();
    let different: std::collections::BTreeSet<&str> =
        labelled.iter().map(|(label, _)| label.as_str()).collect();
    (different.len() == labelled.len()).then_some(labelled)
}

fn numbered(list: &[Value]) -> Vec<(String, &Value)> {
    list.iter().enumerate().map(|(at, row)| (at.to_string(), row)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Keys, differences};

    const KEYS: &Keys = &[("actors", &["id"])];

    fn said(golden: &serde_json::Value, now: &serde_json::Value) -> Vec<String> {
        let shown = |value: &Option<serde_json::Value>| {
            value.as_ref().map_or("nothing".to_owned(), ToString::to_string)
        };
        let found = differences(golden, now, KEYS);
        found
            .iter()
            .map(|one| format!("{}: {} {}", one.place, shown(&one.golden), shown(&one.now)))
            .collect()
    }

    // Property: each value that differs, is missing or is new is named once, with its place.
    #[test]
    fn every_value_is_compared() {
        let golden = json!({ "a": 1, "b": { "c": [1, 2], "d": 0.1 }, "gone": true });
        let now = json!({ "a": 2, "b": { "c": [1, 3, 4], "d": 0.1 }, "new": "x" });
        assert_eq!(
            said(&golden, &now),
            [
                "a: 1 2",
                "b.c[1]: 2 3",
                "b.c[2]: nothing 4",
                "gone: true nothing",
                "new: nothing \"x\""
            ]
        );
        assert!(said(&golden, &golden).is_empty());
    }

    // Property: a row more is one difference, another order is one difference, and rows that are told apart by nothing are
    // compared by their number.
    #[test]
    fn rows_are_found_again() {
        let row = |id: &str, n: u64| json!({ "id": id, "n": n });
        let golden = json!({ "actors": [row("1", 1), row("2", 2)] });
        let more = json!({ "actors": [row("0", 0), row("1", 1), row("2", 3)] });
        assert_eq!(
            said(&golden, &more),
            ["actors[2].n: 2 3", r#"actors[0]: nothing {"id":"0","n":0}"#]
        );
        let turned = json!({ "actors": [row("2", 2), row("1", 1)] });
        assert_eq!(said(&golden, &turned), [r#"actors[order]: ["1","2"] ["2","1"]"#]);
        let same = json!({ "actors": [row("1", 1), row("1", 2)] });
        assert_eq!(said(&golden, &same), ["actors[1].id: \"2\" \"1\""]);
    }
}
