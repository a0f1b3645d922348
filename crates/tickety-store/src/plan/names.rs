//! Names of new issues: their numbers and ids.

use std::collections::BTreeSet;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector};
use tickety_core::operation::{Draft, Operation, OperationError};

use super::planner::Planner;
use crate::error::StorageError;

/// The name of an issue that may be made.
pub(super) struct NewName {
    pub(super) key: IssueKey,
    pub(super) id: IssueId,
    /// Whether the number was set aside for it alone.
    pub(super) is_drawn: bool,
}

impl Planner<'_> {
    /// Chooses number and id of every issue to be created, so that operations can refer to each other
    /// whatever their order.
    pub(super) fn name_new_issues(&mut self) -> Result<(), StorageError> {
        let batch = self.batch;
        let mut drafts: Vec<(usize, &Draft)> = Vec::new();
        for (index, operation) in batch.operations.iter().enumerate() {
            if let Operation::Create(draft) = operation {
                drafts.push((index, draft));
            }
        }
        if drafts.is_empty() {
            return Ok(());
        }
        let mut ids = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        let mut named: Vec<(usize, &Draft, Option<IssueNumber>)> = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts {
            let taken = match draft.id {
                Some(id) if !ids.insert(id) => {
                    Err(StorageError::Refused { index, source: OperationError::IdTaken { id } })
                }
                _ => self.refuse_taken_id(index, draft),
            };
            match taken {
                Ok(()) => {}
                Err(error) if error.is_about_operation() => {
                    self.fail(index, error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            let number = match draft.number {
                Some(number) if !numbers.contains(&number) && self.can_have(number)? => Some(number),
                _ => None,
            };
            numbers.extend(number);
            named.push((index, draft, number));
        }
        let unnumbered = named.iter().filter(|(.., number)| number.is_none()).count();
        let wanted = u32::try_from(unnumbered).unwrap_or(u32::MAX);
        self.note_first_number();
        let mut next = Some(self.snapshot.allocate(wanted, numbers.last().copied())?);
        for (index, draft, number) in named {
            let number = number.unwrap_or_else(|| {
                let number = next.expect("as many numbers were set aside as there are drafts without one");
                next = number.next();
                number
            });
            let id = self.id_of(draft);
            self.created.insert(index, (IssueKey { number, suffix: id.suffix() }, id));
        }
        Ok(())
    }

    /// Chooses number and id of one issue, once everything before it has been planned.
    pub(super) fn name_new_issue(&mut self, index: usize, draft: &Draft) -> Result<NewName, StorageError> {
        self.refuse_taken_id(index, draft)?;
        self.note_first_number();
        let (number, is_drawn) = match draft.number {
            Some(number) if self.can_have(number)? => (number, false),
            _ => (self.snapshot.allocate(1, None)?, true),
        };
        let id = self.id_of(draft);
        Ok(NewName { key: IssueKey { number, suffix: id.suffix() }, id, is_drawn })
    }

    fn id_of(&mut self, draft: &Draft) -> IssueId {
        draft.id.unwrap_or_else(|| IssueId::new(self.snapshot.new_id()))
    }

    fn refuse_taken_id(&mut self, index: usize, draft: &Draft) -> Result<(), StorageError> {
        match draft.id {
            Some(id) if !self.candidates(IssueSelector::Id(id))?.is_empty() => {
                Err(StorageError::Refused { index, source: OperationError::IdTaken { id } })
            }
            _ => Ok(()),
        }
    }

    /// Whether an issue can have the number that it asks for: no other has it, not even one that can't be read.
    fn can_have(&mut self, number: IssueNumber) -> Result<bool, StorageError> {
        // The last number there is would leave none for those that come.
        if number.next().is_none() {
            return Ok(false);
        }
        match self.candidates(number.into()) {
            Ok(found) => Ok(found.is_empty()),
            Err(StorageError::Unreadable { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
