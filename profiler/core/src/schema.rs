//! The JSON Schemas of the documents, as `iocontend schema` prints it.

use crate::lease::verified::Verified;
use crate::render::json::{DoctorDocument, ReportDocument};

/// The JSON Schema (2020-12) of [`ReportDocument`]. It describes what is written; readers must allow fields it
/// does not name.
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(ReportDocument<'static>).to_value()
}

/// The JSON Schema of [`DoctorDocument`].
pub fn doctor_schema() -> serde_json::Value {
    schemars::schema_for!(DoctorDocument<'static>).to_value()
}

/// The JSON Schema of [`Verified`].
pub fn verify_schema() -> serde_json::Value {
    schemars::schema_for!(Verified).to_value()
}

#[cfg(test)]
mod tests {
    use super::{doctor_schema, report_schema, verify_schema};

    #[test]
    fn it_names_every_part_of_the_document_and_forbids_no_other() {
        let schema = report_schema();
        let parts =
            ["schema", "tool", "host", "window", "targets", "coverage", "devices", "actors"];
        let computed = ["blame", "alone_vs_shared", "findings", "advice"];
        for name in parts.into_iter().chain(computed) {
            assert!(schema["properties"][name].is_object(), "{name}");
        }
        assert!(!schema.to_string().contains("\"additionalProperties\":false"));
    }

    #[test]
    fn every_field_is_described() {
        for schema in [report_schema(), doctor_schema(), verify_schema()] {
            let definitions = schema["$defs"].as_object().into_iter().flatten().map(|(_, one)| one);
            for object in definitions.chain([&schema]) {
                for (name, field) in object["properties"].as_object().into_iter().flatten() {
                    assert!(field["description"].is_string(), "{name}");
                }
            }
        }
    }
}
