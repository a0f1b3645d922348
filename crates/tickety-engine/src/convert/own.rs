//! What our writers put beside the keys of another format, so that an import of their output finds the same issues.

use serde_json::{Map, Value};

use super::assembly::Assembly;
use super::part::Part;

/// Takes the object `tickety` of a record.
pub(super) fn put(assembly: &mut Assembly<'_>, own: Map<String, Value>) {
    for (key, value) in own {
        let part = match key.as_str() {
            "id" => Part::OwnId,
            "number" => Part::OwnNumber,
            "status" => Part::Status,
            "reason" => Part::Reason,
            "note" => Part::Note,
            _ => {
                assembly.keep(&format!("tickety.{key}"), value);
                continue;
            }
        };
        assembly.put_as(&format!("tickety.{key}"), &part, value);
    }
}
