//! As much of JSON Schema (2020-12) as `iocontend schema` uses: says where a document breaks it.
//!
//! A keyword it does not know is an error, so that no rule is passed over in silence.

use serde_json::Value;

/// Keywords that say nothing about validity.
const WORDS: [&str; 7] =
    ["$schema", "$defs", "title", "description", "default", "format", "examples"];

/// Every place where `document` is not what `schema` says.
pub fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    check(schema, schema, document, "", &mut wrong);
    wrong
}

/// Keywords whose rule holds, once none of the arms of [`check`] took them, or that have a function of their own.
const RULES: [&str; 12] = [
    "type",
    "const",
    "enum",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "prefixItems",
];

fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        if schema != &Value::Bool(true) {
            wrong.push(format!("{at}: the schema is {schema}"));
        }
        return;
    };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$ref" => {
                match rule.as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))) {
                    Some(target) => check(root, target, value, at, wrong),
                    None => wrong.push(format!("{at}: no definition {rule}")),
                }
            }
            "type" if !is_of_type(rule, value) => wrong.push(format!("{at}: {value} is no {rule}")),
            "const" if rule != value => wrong.push(format!("{at}: {value} is not {rule}")),
            "enum" if !rule.as_array().is_some_and(|all| all.contains(value)) => {
                wrong.push(format!("{at}: {value} is none of {rule}"));
            }
            "minimum" if value.is_number() && value.as_f64() < rule.as_f64() => {
                wrong.push(format!("{at}: {value} is below {rule}"));
            }
            "maximum" if value.is_number() && value.as_f64() > rule.as_f64() => {
                wrong.push(format!("{at}: {value} is above {rule}"));
            }
            "minItems" if value.is_array() && length(value) < rule.as_u64() => {
                wrong.push(format!("{at}: too short"));
            }
            "maxItems" if value.is_array() && length(value) > rule.as_u64() => {
                wrong.push(format!("{at}: too long"));
            }
            "anyOf" | "oneOf" => any_of(root, rule, value, at, wrong),
            word if WORDS.contains(&word) || RULES.contains(&word) => {}
            other => wrong.push(format!("{at}: the keyword {other} is not known here")),
        }
    }
    check_object(root, schema, value, at, wrong);
    check_array(root, schema, value, at, wrong);
}

fn length(value: &Value) -> Option<u64> {
    value.as_array().map(|items| items.len() as u64)
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    };
    rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
}

fn any_of(root: &Value, rule: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let fits = |one: &Value| {
        let mut inner = Vec::new();
        check(root, one, value, at, &mut inner);
        inner.is_empty()
    };
    if !rule.as_array().is_some_and(|all| all.iter().any(fits)) {
        wrong.push(format!("{at}: {value} fits none of {rule}"));
    }
}

fn check_object(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(fields) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            wrong.push(format!("{at}: no {name}"));
        }
    }
    for (name, field) in fields {
        let at = format!("{at}/{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) => {}
            (Value::Null, others) => check(root, others, field, &at, wrong),
            (rule, _) => check(root, rule, field, &at, wrong),
        }
    }
}

fn check_array(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(items) = value.as_array() else { return };
    let first = schema["prefixItems"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, item) in items.iter().enumerate() {
        let rule = first.get(index).unwrap_or(&schema["items"]);
        if !rule.is_null() {
            check(root, rule, item, &format!("{at}/{index}"), wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::violations;

    #[test]
    fn it_finds_what_is_wrong_and_nothing_else() {
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {"$ref": "#/$defs/small"},
                "b": {"type": ["string", "null"]},
                "c": {"type": "array", "items": {"enum": ["x", "y"]}},
            },
            "$defs": {"small": {"type": "integer", "minimum": 0}},
        });
        let wrong = |document| violations(&schema, &document).len();
        assert_eq!(wrong(json!({"a": 1, "b": null, "c": ["x"], "other": 1})), 0);
        assert_eq!(wrong(json!({"a": -1, "b": 2, "c": ["z", "x"]})), 3);
        assert_eq!(wrong(json!([])), 1);
        assert_eq!(wrong(json!({})), 1);
        assert_eq!(violations(&json!({"pattern": "x"}), &json!("x")).len(), 1);
    }
}
