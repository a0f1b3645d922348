//! Git, which puts earlier contents back between a write and a power cut: those stay.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use super::sync;
use crate::faults::random::Random;
use crate::faults::table::{Harm, Row};
use crate::faults::world::{Place, World, start};

/// A repository in which git knows two issues and nothing else of the home. Another branch has one of them with another
/// title and not the other.
#[derive(Debug)]
pub(super) struct Checkouts {
    root: PathBuf,
    issues: [Tracked; 2],
    /// Whether the other branch is checked out, or was to be when the power was cut.
    is_other: bool,
}

/// An issue that git knows.
#[derive(Debug)]
struct Tracked {
    number: u64,
    record: PathBuf,
    /// When the last edit of it had ended and another write after it, in nanoseconds since 1970; none while one is
    /// under way.
    settled_ns: Option<i64>,
}

/// What stands in the place of a record: its bytes, or nothing.
type Standing = Option<Vec<u8>>;

impl Checkouts {
    /// Makes the repository.
    pub(super) fn make(world: &World) -> Result<(Place, Self)> {
        let place = world.plain_repository("home")?;
        let root = place.checkouts[0].clone();
        let mut issues = Vec::new();
        for title in ["Changed by the other branch", "Not in the other branch"] {
            let made = world.data(&root, &["new", title, "--json"])?;
            let made = &made["issues"][0];
            let number = made["number"].as_u64().context("a new issue has a number")?;
            let record = root.join(made["path"].as_str().context("a new issue has a path")?);
            issues.push(Tracked { number, record, settled_ns: None });
        }
        let issues: [Tracked; 2] = issues.try_into().ok().context("there are two")?;
        let records = issues.each_ref().map(|issue| issue.record.display().to_string());
        world.git(&root, &["add", ".tickety/config.toml", &records[0], &records[1]])?;
        world.git(&root, &["commit", "--quiet", "--message", "Two issues"])?;
        world.git(&root, &["checkout", "--quiet", "-b", "other"])?;
        let text = fs::read_to_string(&records[0])?;
        fs::write(&records[0], text.replace("Changed by", "Changed in"))?;
        world.git(&root, &["rm", "--quiet", "--force", &records[1]])?;
        world.git(&root, &["commit", "--quiet", "--all", "--message", "The other branch"])?;
        world.git(&root, &["checkout", "--quiet", "main"])?;
        Ok((place, Self { root, issues, is_other: false }))
    }

    /// Edits and checks out until the power is cut.
    pub(super) fn work(
        &mut self,
        world: &World,
        is_cut: &AtomicBool,
        is_over: &AtomicBool,
        random: Random,
    ) -> Result<()> {
        let mut random = random;
        let mut round = 0;
        while !is_over.load(Ordering::SeqCst) {
            let worked = self.edit_and_check_out(world, &mut random, round);
            if !is_cut.load(Ordering::SeqCst) {
                worked?;
            }
            round += 1;
        }
        Ok(())
    }

    /// Has git go on after a power cut, which may have left its lock and torn what it doesn't sync.
    pub(super) fn mend(&mut self, world: &World) -> Result<()> {
        let git = self.root.join(".git");
        for left in ["index.lock", "HEAD.lock"] {
            // Mostly it isn't there.
            let _ = fs::remove_file(git.join(left));
        }
        self.is_other = false;
        let back = ["checkout", "--quiet", "--force", "main"];
        if world.git(&self.root, &back).is_err() {
            fs::write(git.join("HEAD"), "ref: refs/heads/main\n")?;
            fs::remove_file(git.join("index"))?;
            world.git(&self.root, &back)?;
        }
        sync(&self.root)
    }

    fn edit_and_check_out(&mut self, world: &World, random: &mut Random, round: u64) -> Result<()> {
        let present = if self.is_other { &mut self.issues[..1] } else { &mut self.issues[..] };
        let label = format!("git{round}");
        // All that git is about to write is known to the journal: what git leaves empty is a torn file of ours, too.
        for issue in &mut *present {
            issue.settled_ns = None;
            world.data(&self.root, &["edit", &issue.number.to_string(), "--label", &label, "--json"])?;
        }
        // When a transaction was applied, the one after it tells.
        world.data(&self.root, &["new", "Between", "--json"])?;
        let now_ns = now_ns()?;
        present.iter_mut().for_each(|issue| issue.settled_ns = Some(now_ns));
        if random.chance(50) {
            self.is_other = !self.is_other;
        }
        let branch = if self.is_other { "other" } else { "main" };
        let mut command = world.prepare(Path::new("git"), &self.root);
        command.args(["checkout", "--quiet", "--force", branch]);
        let answer = start(command, None)?.finish()?;
        ensure!(answer.code() == Some(0), "git checkout: {}", answer.told());
        if random.chance(50) {
            // What lies beside it makes the checkout durable, mostly.
            fs::File::create(self.root.join("beside"))?.sync_all()?;
        }
        Ok(())
    }

    /// Looks, before anything recovers, what git has put into the place of records after all writes.
    pub(super) fn look(&self) -> Result<[Option<Standing>; 2]> {
        let [first, second] = &self.issues;
        Ok([first.look()?, second.look()?])
    }

    /// Compares with what stands after a recovery. Returns how many records git had left after all writes.
    pub(super) fn compare(&self, row: &mut Row, case: &str, left: &[Option<Standing>; 2]) -> Result<u64> {
        let mut count = 0;
        for (issue, left) in self.issues.iter().zip(left) {
            let Some(held) = left else { continue };
            count += 1;
            let found = read(&issue.record)?;
            if found != *held {
                let [held, found] = [held, &found].map(|standing| {
                    standing.as_ref().map_or("nothing".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
                });
                let number = issue.number;
                row.harm(Harm::Otherwise, format!("{case}: git left of issue {number}: {held}; now: {found}"));
            }
        }
        Ok(count)
    }
}

impl Tracked {
    /// Returns what stands in its place, if that was made after all writes.
    fn look(&self) -> Result<Option<Standing>> {
        let Some(settled_ns) = self.settled_ns else { return Ok(None) };
        let changed = match fs::symlink_metadata(&self.record) {
            Ok(metadata) => metadata,
            // It was durable before, so it is a removal that is durable.
            Err(_) => fs::symlink_metadata(self.record.parent().context("a record lies in a directory")?)?,
        };
        let changed_ns = changed.ctime() * 1_000_000_000 + changed.ctime_nsec();
        let standing = read(&self.record)?;
        // Git syncs no file of a work tree: what it wrote may be lost as anything else.
        let is_lost = standing.as_ref().is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
        Ok((changed_ns > settled_ns && !is_lost).then_some(standing))
    }
}

fn read(record: &Path) -> Result<Standing> {
    match fs::read(record) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| record.display().to_string()),
    }
}

fn now_ns() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}
