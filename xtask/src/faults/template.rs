//! A small home from which runs start.

use anyhow::{Result, bail};

use super::world::{Place, World, start};
use super::writes::{Fate, Kind, Write};

/// The issue that everything is about.
pub(super) const ISSUE: u64 = 1;

/// A home in a plain folder, and what was written there.
#[derive(Debug)]
pub(super) struct Template {
    /// Where it lies.
    pub(super) place: Place,
    /// What was acknowledged.
    pub(super) writes: Vec<Write>,
}

impl Template {
    /// Makes a home with a few issues, of which [`ISSUE`] has comments and is open.
    pub(super) fn make(world: &World) -> Result<Self> {
        let place = world.plain("template")?;
        let mut writes = Vec::new();
        let kinds = [Kind::Create, Kind::Create, Kind::Comment, Kind::Edit, Kind::Batch];
        for (index, kind) in kinds.into_iter().enumerate() {
            let token = format!("start{index}");
            let (arguments, input) = kind.command(&token, ISSUE);
            let mut command = world.command(&place.checkouts[0], &[]);
            command.args(&arguments);
            let answer = start(command, input.as_deref())?.finish()?;
            if answer.data().is_none() {
                bail!("tickety {}: {}", arguments.join(" "), answer.told());
            }
            writes.push(Write { token, kind, checkout: 0, fate: Fate::Acknowledged });
        }
        Ok(Self { place, writes })
    }
}
