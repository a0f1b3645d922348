//! What a writer's format has no place for.

use std::collections::BTreeMap;

/// Counts what a writer leaves out.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOut(BTreeMap<&'static str, u64>);

impl LeftOut {
    /// Counts so many of something; none are not mentioned.
    pub(super) fn count(&mut self, what: &'static str, number: usize) {
        if number > 0 {
            *self.0.entry(what).or_insert(0) += number as u64;
        }
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.clone()
    }
}
