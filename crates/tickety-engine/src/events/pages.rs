//! Reading a log of events by the types that are wanted.

use tickety_core::event::EventType;
use tickety_store::{EventLog, EventPage, LoggedEvent, Position, StorageError};

/// How many events are read at once.
const PAGE: usize = 1000;

/// Returns the first events of some types from a position on, at most `limit`; of every type where none is named.
pub async fn first(
    log: &dyn EventLog,
    from: Position,
    limit: usize,
    types: &[EventType],
) -> Result<EventPage, StorageError> {
    let is_wanted = |logged: &LoggedEvent| types.is_empty() || types.contains(&logged.event.event_type());
    let mut page = log.events(from, limit.min(PAGE)).await?;
    let (mut events, mut damaged) = (Vec::new(), 0);
    loop {
        damaged += page.damaged;
        let mut rest = page.events.into_iter();
        for logged in rest.by_ref() {
            let cursor = logged.cursor;
            events.extend(is_wanted(&logged).then_some(logged));
            if events.len() == limit {
                let more = page.more || rest.len() > 0;
                return Ok(EventPage { events, next: cursor, more, damaged });
            }
        }
        if !page.more || limit == 0 {
            return Ok(EventPage { events, next: page.next, more: page.more, damaged });
        }
        page = log.events(Position::After(page.next), PAGE).await?;
    }
}

/// Returns the last events, or the last of some types.
pub async fn last(log: &dyn EventLog, limit: usize, types: &[EventType]) -> Result<EventPage, StorageError> {
    let count = if types.is_empty() { limit } else { limit.max(PAGE) };
    let mut page = first(log, Position::Last(count), usize::MAX, types).await?;
    if !types.is_empty() && page.events.len() < limit {
        page = first(log, Position::Oldest, usize::MAX, types).await?;
    }
    page.events.drain(..page.events.len().saturating_sub(limit));
    Ok(page)
}
