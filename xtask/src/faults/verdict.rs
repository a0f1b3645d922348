//! What stands, compared with what was acknowledged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::state::{Groups, State};
use super::table::{Harm, Row};
use super::world::{Place, World, state_of};
use super::writes::{Fate, Write};

/// What a judgement is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The world it is in.
    pub(super) world: &'a World,
    /// What to call it.
    pub(super) name: &'a str,
    /// Whether there may be changes from outside: somebody edited, or files could not be read for a while, which counts
    /// as one, as docs/events.md says.
    pub(super) outside: bool,
}

impl<'a> Case<'a> {
    /// Makes a case in which nobody edited and all files could be read.
    pub(super) fn new(world: &'a World, name: &'a str) -> Self {
        Self { world, name, outside: false }
    }
}

/// Judges a place after its writers are gone: the next command goes on unaided, everything is readable, what was
/// acknowledged is there, nothing is there in part, and each write has one group of events. Returns how many writes
/// of unknown fate are there.
pub(super) fn judge(row: &mut Row, case: Case<'_>, place: &Place, writes: &[Write]) -> Result<usize> {
    let mut numbers = Vec::new();
    let mut through = 0;
    for (index, checkout) in place.checkouts.iter().enumerate() {
        let own: Vec<&Write> = writes.iter().filter(|write| write.checkout == index).collect();
        if !goes_on(row, case, checkout)? {
            continue;
        }
        match State::read(case.world, checkout) {
            Ok(state) => {
                judge_issues(row, case, &own, &state);
                judge_events(row, case, checkout, &own, &state)?;
                let unknown = own.iter().filter(|write| write.fate == Fate::Unknown);
                through += unknown.filter(|write| state.tokens.contains_key(&write.token)).count();
                numbers.extend(state.numbers);
            }
            Err(error) => row.harm(Harm::Torn, format!("{}: {error:#}", case.name)),
        }
        judge_health(row, case, checkout)?;
    }
    numbers.sort_unstable();
    for pair in numbers.windows(2).filter(|pair| pair[0] == pair[1]) {
        row.harm(Harm::Otherwise, format!("{}: two issues have the number {}", case.name, pair[0]));
    }
    Ok(through)
}

/// Says whether the next command does what it is asked.
pub(super) fn goes_on(row: &mut Row, case: Case<'_>, checkout: &Path) -> Result<bool> {
    let answer = case.world.run(checkout, &["list", "is:any", "--limit", "1", "--json"])?;
    let goes_on = answer.data().is_some();
    if !goes_on {
        row.harm(Harm::Wedged, format!("{}: the next `list` in {}: {}", case.name, checkout.display(), answer.told()));
    }
    Ok(goes_on)
}

/// Judges what `doctor` and `index verify` say, and whether anything was kept aside though nobody edited.
pub(super) fn judge_health(row: &mut Row, case: Case<'_>, checkout: &Path) -> Result<()> {
    let answer = case.world.run(checkout, &["index", "verify", "--json"])?;
    if answer.data().is_none_or(|data| data["agrees"] != true) {
        row.harm(Harm::Otherwise, format!("{}: index verify: {}", case.name, answer.told()));
    }
    let answer = case.world.run(checkout, &["doctor", "--json"])?;
    // It ends with another status where something is wrong.
    let data = answer.json().map(|json| json["data"].clone()).unwrap_or_default();
    let findings = data["findings"].as_array().map_or(&[][..], Vec::as_slice);
    // What a writer was making when it was killed lies there until somebody makes it again.
    let left_over = !findings.is_empty() && findings.iter().all(|finding| finding["check"] == "leftover");
    if data["healthy"] != true && !left_over {
        row.harm(Harm::Otherwise, format!("{}: doctor: {}", case.name, answer.told()));
    }
    let kept = state_of(checkout)?.join("kept");
    if let Ok(entries) = fs::read_dir(&kept)
        && entries.count() > 0
        && !case.outside
    {
        row.harm(Harm::Otherwise, format!("{}: nobody edited, and {} has something", case.name, kept.display()));
    }
    Ok(())
}

fn judge_issues(row: &mut Row, case: Case<'_>, writes: &[&Write], state: &State) {
    for write in writes {
        let Write { token, kind, fate, .. } = write;
        let found = state.tokens.get(token).copied().unwrap_or_default();
        let harm = match (*fate, found) {
            (_, found) if found > 0 && found != kind.parts() => Harm::Torn,
            (Fate::Acknowledged, 0) => Harm::Lost,
            (Fate::Refused, found) if found > 0 => Harm::Otherwise,
            _ => continue,
        };
        row.harm(harm, format!("{}: {kind:?} {token}, {fate:?}: {found} of {} parts", case.name, kind.parts()));
    }
}

fn judge_events(row: &mut Row, case: Case<'_>, checkout: &Path, writes: &[&Write], state: &State) -> Result<()> {
    let groups = match Groups::read(case.world, checkout) {
        Ok(groups) => groups,
        Err(error) => {
            row.harm(Harm::Otherwise, format!("{}: {error:#}", case.name));
            return Ok(());
        }
    };
    let mut of_token: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (group, tokens) in &groups.tokens {
        if tokens.len() > 1 {
            row.harm(Harm::Otherwise, format!("{}: group {group} is of several writes: {tokens:?}", case.name));
        }
        for (token, count) in tokens {
            of_token.entry(token).or_default().push(*count);
        }
    }
    for write in writes {
        let found = of_token.get(write.token.as_str()).map_or(&[][..], Vec::as_slice);
        let expected: &[u64] = if state.tokens.contains_key(&write.token) { &[write.kind.parts()] } else { &[] };
        if found != expected {
            let harm = if found.is_empty() { Harm::Lost } else { Harm::Otherwise };
            let Write { token, kind, fate, .. } = write;
            row.harm(harm, format!("{}: {kind:?} {token}, {fate:?}: groups {found:?}, not {expected:?}", case.name));
        }
    }
    if let Some(event) = groups.external.first().filter(|_| !case.outside) {
        let count = groups.external.len();
        row.harm(Harm::Otherwise, format!("{}: {count} changes from outside, as {event}", case.name));
    }
    if groups.damaged > 0 {
        row.harm(Harm::Torn, format!("{}: the log has {} damaged entries", case.name, groups.damaged));
    }
    Ok(())
}
