//! What a batch is made of, read one operation after the other.

use tickety_core::operation::{Operation, Target};

use super::Origin;
use crate::operation::{LocalNames, OperationFault, WireOperation};

/// The operations of a batch as they are read, each with where it comes from.
#[derive(Debug)]
pub struct Operations<'a> {
    names: LocalNames<'a>,
    operations: Vec<Operation>,
    origins: Vec<Origin>,
}

impl<'a> Operations<'a> {
    /// Begins a batch in a home whose names have this prefix.
    pub fn new(prefix: &'a str) -> Self {
        Self { names: LocalNames::new(prefix), operations: Vec::new(), origins: Vec::new() }
    }

    /// Takes the next operation, and the line that says it if one does.
    pub fn push(&mut self, line: Option<u64>, wire: WireOperation) -> Result<(), OperationFault> {
        let made = match &wire {
            WireOperation::Create(draft) => draft.reference.as_ref().map(|name| format!("${name}")),
            _ => None,
        };
        let operation = self.names.operation(self.operations.len(), wire)?;
        let name = made.or_else(|| self.subject(&operation));
        self.operations.push(operation);
        self.origins.push(Origin { line, name });
        Ok(())
    }

    /// Returns the operations, and where each comes from.
    pub fn into_parts(self) -> (Vec<Operation>, Vec<Origin>) {
        (self.operations, self.origins)
    }

    /// Returns what an operation calls the issue that it is about.
    fn subject(&self, operation: &Operation) -> Option<String> {
        match operation {
            Operation::Create(_) => None,
            Operation::Update { target, .. } | Operation::Delete { target, .. } => match target {
                Target::Existing(selector) => Some(selector.to_string()),
                Target::Created(index) => self.origins.get(*index).and_then(|origin| origin.name.clone()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_told_by_what_was_written() {
        let mut read = Operations::new("TIK");
        for (line, text) in [
            (Some(1), r#"{"op":"create","ref":"a","title":"one"}"#),
            (Some(3), r#"{"op":"comment","issue":"$a","body":"text"}"#),
            (None, r#"{"op":"delete","issue":"TIK-8"}"#),
            (None, r#"{"op":"create","title":"two"}"#),
        ] {
            read.push(line, serde_json::from_str(text).unwrap()).unwrap();
        }
        let (operations, origins) = read.into_parts();
        assert_eq!(operations.len(), 4);
        let told: Vec<_> = origins.iter().map(|origin| (origin.line, origin.name.as_deref())).collect();
        assert_eq!(told, [(Some(1), Some("$a")), (Some(3), Some("$a")), (None, Some("8")), (None, None)]);
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let mut read = Operations::new("TIK");
        let wire = serde_json::from_str(r#"{"op":"delete","issue":"$a"}"#).unwrap();
        read.push(None, wire).unwrap_err();
        assert!(read.into_parts().0.is_empty());
    }
}
