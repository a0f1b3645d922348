//! Power cuts: a home on a file system that forgets all that was not synced, at a random moment, with writers at work,
//! files of others beside it of which some are synced, and git checking out.

mod checkouts;
mod volume;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::checkouts::Checkouts;
use self::volume::Volume;
use super::Setting;
use super::kills::created;
use super::random::Random;
use super::table::{Harm, Row};
use super::verdict::{Case, judge};
use super::world::{Place, World, start};
use super::writes::{Fate, Kind, Write};

/// After how many cuts a home is given up for a new one.
const CUTS: u64 = 10;
/// How long after the writers have begun the power is cut at the latest, in microseconds.
const LATEST: u64 = 500_000;
/// The same where git is at work, too, which takes its time.
const LATEST_WITH_GIT: u64 = 1_500_000;

/// What is at work while the power is cut.
#[derive(Debug, Default)]
struct Shared {
    /// Whether the power is about to be cut, or was: from then on a command may fail.
    is_cut: AtomicBool,
    /// Whether to stop.
    is_over: AtomicBool,
    tokens: AtomicU64,
    writes: Mutex<Vec<Write>>,
    issues: Mutex<Vec<u64>>,
    failures: Mutex<Vec<(Harm, String)>>,
}

/// Cuts the power of homes with and without git.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let faults = [
        "power cut of a journaled ext4 with 2 to 5 writers, other files synced in between",
        "the same, and git checks out in between",
    ];
    if let Some(why) = volume::missing(setting.world.folder()) {
        return Ok(faults.map(|fault| Row::skipped(fault, &why)).into());
    }
    let cuts = setting.runs(8, 1_000);
    let mut rows = Vec::new();
    for (index, fault) in faults.into_iter().enumerate() {
        let mut row = Row::new(fault);
        let wanted = if index == 0 { cuts.div_ceil(2) } else { cuts / 2 };
        let (mut home, mut held) = (0, 0);
        while row.runs() < wanted {
            let clean = row.is_clean();
            let folder = setting.world.folder().join(format!("power-{index}-{home}"));
            let mut volume = Volume::make(folder.clone())?;
            held += live(setting, &mut row, &mut volume, &format!("{index}-{home}"), (wanted, index == 1))?;
            drop(volume);
            // What a finding is about stays.
            if clean == row.is_clean() {
                fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
            }
            home += 1;
            eprintln!("faults: power: {} of {wanted}", row.runs());
        }
        if index == 1 {
            // Were it none, nothing would have been tried.
            eprintln!("faults: power: {held} records stood as git had left them");
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Lets a home live through some cuts. Returns how often a record stood as git had left it after all writes.
fn live(
    setting: &Setting,
    row: &mut Row,
    volume: &mut Volume,
    name: &str,
    (wanted, with_git): (u64, bool),
) -> Result<u64> {
    fs::create_dir(volume.root().join("user"))?;
    let started = |volume: &Volume| setting.world.elsewhere(volume.root().to_owned(), volume.launcher());
    let mut world = started(volume);
    let (place, mut checkouts) = if with_git {
        let (place, checkouts) = Checkouts::make(&world)?;
        (place, Some(checkouts))
    } else {
        (world.plain("home")?, None)
    };
    sync(volume.root())?;
    let shared = Shared::default();
    let mut held = 0;
    for cut in 0..CUTS {
        let mut random = Random::new(setting.seed, &format!("power {name}"), cut);
        shared.is_cut.store(false, Ordering::SeqCst);
        shared.is_over.store(false, Ordering::SeqCst);
        if let Some(checkouts) = &mut checkouts {
            checkouts.mend(&world)?;
        }
        work_until_cut(&shared, &world, &place, volume, checkouts.as_mut(), &mut random)?;
        row.run();
        volume.start()?;
        world = started(volume);
        let case = format!("home {name}, cut {cut}");
        for (harm, failure) in shared.failures.lock().expect("no thread panics").drain(..) {
            row.harm(harm, format!("{case}: {failure}"));
        }
        let left = checkouts.as_ref().map(Checkouts::look).transpose()?;
        let writes = shared.writes.lock().expect("no thread panics").clone();
        judge(row, Case { outside: with_git, ..Case::new(&world, &case) }, &place, &writes)?;
        if let (Some(checkouts), Some(left)) = (&checkouts, left) {
            held += checkouts.compare(row, &case, &left)?;
        }
        for empty in empty_records(&place.checkouts[0])? {
            row.harm(Harm::Torn, format!("{case}: {empty} is empty"));
        }
        if row.runs() >= wanted || !row.is_clean() {
            break;
        }
    }
    Ok(held)
}

/// Lets all work at once, cuts the power at a random moment, and waits for all to end.
fn work_until_cut(
    shared: &Shared,
    world: &World,
    place: &Place,
    volume: &Volume,
    checkouts: Option<&mut Checkouts>,
    random: &mut Random,
) -> Result<()> {
    let writers = 2 + random.below(4);
    let latest = if checkouts.is_some() { LATEST_WITH_GIT } else { LATEST };
    let delay = Duration::from_micros(random.below(latest));
    let seeds: Vec<Random> = (0..writers + 2).map(|number| Random::new(random.next(), "power", number)).collect();
    thread::scope(|scope| {
        let mut seeds = seeds.into_iter();
        let mut threads = Vec::new();
        let neighbour = seeds.next().context("there are seeds")?;
        threads.push(scope.spawn(|| neighbour_writes(shared, &volume.root().join("neighbour"), neighbour)));
        let checking = seeds.next().context("there are seeds")?;
        if let Some(checkouts) = checkouts {
            threads.push(scope.spawn(|| checkouts.work(world, &shared.is_cut, &shared.is_over, checking)));
        }
        for random in seeds {
            threads.push(scope.spawn(move || write(shared, world, place, random)));
        }
        thread::sleep(delay);
        shared.is_cut.store(true, Ordering::SeqCst);
        let cut = volume.cut();
        shared.is_over.store(true, Ordering::SeqCst);
        let ended = threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"));
        cut.and(ended)
    })
}

/// Runs commands until the power is cut.
fn write(shared: &Shared, world: &World, place: &Place, random: Random) -> Result<()> {
    let mut random = random;
    let mut closable = Vec::new();
    while !shared.is_over.load(Ordering::SeqCst) {
        let known = shared.issues.lock().expect("no thread panics").clone();
        let kind = Kind::pick(&mut random, !known.is_empty(), !closable.is_empty());
        let issue = match kind {
            Kind::Close => closable.pop(),
            _ => random.pick(&known),
        };
        let token = format!("w{}", shared.tokens.fetch_add(1, Ordering::Relaxed));
        let (arguments, input) = kind.command(&token, issue.unwrap_or_default());
        let mut command = world.command(&place.checkouts[0], &[]);
        command.args(&arguments);
        // Without the file system there is no directory to start in.
        let Ok(running) = start(command, input.as_deref()) else { continue };
        let answer = running.finish()?;
        let pending = answer.json().is_some_and(|json| json["error"]["code"] == "pending");
        let fate = if answer.data().is_some() || pending { Fate::Acknowledged } else { Fate::Unknown };
        let failed = fate == Fate::Unknown && !shared.is_cut.load(Ordering::SeqCst);
        if failed || answer.is_hung() || answer.panicked() {
            let told = format!("tickety {}: {}", arguments.join(" "), answer.told());
            let harm = if answer.panicked() { Harm::Otherwise } else { Harm::Wedged };
            shared.failures.lock().expect("no thread panics").push((harm, told));
        }
        if fate == Fate::Acknowledged {
            let made = created(&answer);
            shared.issues.lock().expect("no thread panics").extend(&made);
            if kind == Kind::Create {
                closable.extend(made);
            }
        }
        shared.writes.lock().expect("no thread panics").push(Write { token, kind, checkout: 0, fate });
    }
    Ok(())
}

/// Writes files of its own and syncs some of them, which makes the file system write down what others have renamed.
fn neighbour_writes(shared: &Shared, folder: &Path, random: Random) -> Result<()> {
    let mut random = random;
    let write = |number: u64, sync: bool| -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = File::create(folder.join(format!("file{number}")))?;
        file.write_all(&[b'n'; 3000])?;
        if sync { file.sync_all() } else { Ok(()) }
    };
    while !shared.is_over.load(Ordering::SeqCst) {
        let written = write(random.below(20), random.chance(30));
        if !shared.is_cut.load(Ordering::SeqCst) {
            written.context("a file beside the home")?;
        }
        thread::sleep(Duration::from_micros(random.below(20_000)));
    }
    Ok(())
}

/// Makes all of a file system durable.
fn sync(root: &Path) -> Result<()> {
    let output = std::process::Command::new("sync").arg("--file-system").arg(root).output().context("sync")?;
    anyhow::ensure!(output.status.success(), "sync: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Returns the records of a home that hold nothing.
fn empty_records(checkout: &Path) -> Result<Vec<String>> {
    let mut empty = Vec::new();
    for shard in fs::read_dir(checkout.join(".tickety/issues"))? {
        for entry in fs::read_dir(shard?.path())? {
            let entry = entry?;
            if entry.metadata()?.len() == 0 {
                empty.push(entry.path().display().to_string());
            }
        }
    }
    Ok(empty)
}
