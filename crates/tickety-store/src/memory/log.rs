//! The log of what happened in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_trait::async_trait;
use tickety_core::ident::IssueKey;
use tickety_core::schema::Schema;

use super::MemoryStore;
use crate::error::StorageError;
use crate::events::{EventCursor, EventLog, EventPage, EventStats, GroupId, LoggedEvent, MAX_EVENTS, Position};
use crate::plan::{self, PlannedChange};
use crate::storage::Batch;

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<LoggedEvent>,
    groups: u64,
    last: u64,
}

/// How many events are remembered.
const KEPT_EVENTS: usize = 10_000;

impl Log {
    pub(super) fn tell(&mut self, changes: &BTreeMap<IssueKey, PlannedChange>, schema: &Schema, batch: &Batch) {
        if changes.is_empty() {
            return;
        }
        self.groups += 1;
        let group = GroupId::new(self.groups.to_string());
        plan::events::tell(changes, &BTreeMap::new(), schema, batch.source.as_deref(), |event| {
            self.last += 1;
            let (group, actor) = (group.clone(), batch.actor.clone());
            self.events.push_back(LoggedEvent { cursor: cursor(self.last), group, time: batch.now, actor, event });
            if self.events.len() > KEPT_EVENTS {
                self.events.pop_front();
            }
        });
    }

    /// Returns the number before the first event that is remembered.
    fn start(&self) -> u64 {
        self.last - self.events.len() as u64
    }
}

fn cursor(sequence: u64) -> EventCursor {
    EventCursor { epoch: 1, sequence }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        let state = self.state();
        let log = &state.log;
        let after = match from {
            Position::Oldest => log.start(),
            Position::Newest => log.last,
            Position::Last(count) => log.last - count.min(log.events.len()) as u64,
            Position::After(EventCursor { epoch: 1, sequence }) if (log.start()..=log.last).contains(&sequence) => {
                sequence
            }
            Position::After(gone) => {
                return Err(StorageError::EventsGone { cursor: gone, oldest: cursor(log.start()) });
            }
        };
        let mut rest = log.events.iter().filter(|logged| logged.cursor.sequence > after);
        let events: Vec<LoggedEvent> = rest.by_ref().take(limit.min(MAX_EVENTS)).cloned().collect();
        let next = events.last().map_or(cursor(after), |last| last.cursor);
        Ok(EventPage { events, next, more: rest.next().is_some(), damaged: 0 })
    }

    async fn event_stats(&self) -> Result<EventStats, StorageError> {
        let state = self.state();
        let log = &state.log;
        let groups: BTreeSet<&GroupId> = log.events.iter().map(|logged| &logged.group).collect();
        Ok(EventStats {
            events: log.events.len() as u64,
            groups: groups.len() as u64,
            oldest: log.events.iter().map(|logged| logged.time).min(),
            newest: log.events.iter().map(|logged| logged.time).max(),
            end: cursor(log.last),
            bytes: 0,
            damaged: 0,
            keeps_events: KEPT_EVENTS as u64,
            keeps_days: u32::MAX,
        })
    }
}
