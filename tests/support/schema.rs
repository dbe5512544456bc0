//! As much of JSON Schema as the report's schema uses, and stricter in one respect: a property that the schema does not name is an error.

use serde_json::{Map, Value};

/// What in `value` differs from `schema`, each with its place; empty when it is valid.
pub fn differences(value: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(value, schema, schema, "$", &mut found);
    found
}

fn check(value: &Value, schema: &Value, root: &Value, place: &str, found: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        // `true` allows anything.
        return;
    };
    for (keyword, argument) in schema {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" | "default" => {}
            "$ref" => {
                let name = argument.as_str().and_then(|name| name.strip_prefix('#'));
                let target = name.and_then(|name| root.pointer(name));
                check(value, target.expect("a definition"), root, place, found);
            }
            "anyOf" => {
                let options = argument.as_array().expect("a list");
                let fits = |option: &Value| {
                    let mut found = Vec::new();
                    check(value, option, root, place, &mut found);
                    found.is_empty()
                };
                if !options.iter().any(fits) {
                    found.push(format!("{place}: fits none of {argument}"));
                }
            }
            "type" => {
                if !of_type(value, argument) {
                    found.push(format!("{place}: {value} is not of type {argument}"));
                }
            }
            "minimum" | "maximum" => {
                let (limit, number) = (argument.as_f64().expect("a number"), value.as_f64());
                let outside = |number: f64| match keyword.as_str() {
                    "minimum" => number < limit,
                    _ => number > limit,
                };
                if number.is_some_and(outside) {
                    found.push(format!(
                        "{place}: {value} is beyond the {keyword} {argument}"
                    ));
                }
            }
            "minItems" | "maxItems" => {
                let (limit, items) = (argument.as_u64().expect("a number"), value.as_array());
                let outside = |items: &Vec<Value>| match keyword.as_str() {
                    "minItems" => (items.len() as u64) < limit,
                    _ => (items.len() as u64) > limit,
                };
                if items.is_some_and(outside) {
                    found.push(format!("{place}: not {keyword} {argument}"));
                }
            }
            "const" => {
                if value != argument {
                    found.push(format!("{place}: {value} is not {argument}"));
                }
            }
            "enum" => {
                if !argument.as_array().expect("a list").contains(value) {
                    found.push(format!("{place}: {value} is none of {argument}"));
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(item, argument, root, &format!("{place}[{index}]"), found);
                }
            }
            "required" => {
                let Some(object) = value.as_object() else {
                    continue;
                };
                for name in argument.as_array().expect("a list") {
                    let name = name.as_str().expect("a name");
                    if !object.contains_key(name) {
                        found.push(format!("{place}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                let properties = argument.as_object().expect("properties");
                if let Some(object) = value.as_object() {
                    check_properties(object, properties, root, place, found);
                }
            }
            other => panic!("the schema uses {other}, which is not checked here yet"),
        }
    }
}

fn check_properties(
    object: &Map<String, Value>,
    properties: &Map<String, Value>,
    root: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    for (name, value) in object {
        match properties.get(name) {
            Some(schema) => check(value, schema, root, &format!("{place}.{name}"), found),
            None => found.push(format!("{place}: {name} is not in the schema")),
        }
    }
}

fn of_type(value: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Array(options) => options.iter().any(|option| of_type(value, option)),
        Value::String(name) => match name.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("unknown type {other}"),
        },
        other => panic!("unknown type {other}"),
    }
}
