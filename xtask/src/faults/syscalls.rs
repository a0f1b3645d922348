//! Faults at single system calls: killed, or told that the device fails or is full.

mod strace;

use anyhow::{Context as _, Result};

use self::strace::{Fault, Point, Tracer};
use super::Setting;
use super::random::Random;
use super::table::{Harm, Row};
use super::template::{ISSUE, Template};
use super::verdict::{Case, judge};
use super::world::{Answer, Place, World};
use super::writes::{Fate, Kind, Write};

/// The commands into which faults are injected.
const KINDS: [Kind; 5] = [Kind::Create, Kind::Edit, Kind::Close, Kind::Batch, Kind::Import];
/// What ends a process that was killed.
const SIGKILL: i32 = 9;

/// One section of the table.
#[derive(Debug)]
struct Injector<'a> {
    setting: &'a Setting,
    world: &'a World,
    tracer: Tracer<'a>,
    start: Template,
    /// The points of each command.
    points: Vec<(Kind, Vec<Point>)>,
}

/// Kills commands, and the next ones during recovery.
pub(super) fn recovery(setting: &Setting) -> Result<Vec<Row>> {
    if let Some(why) = strace::missing() {
        return Ok(vec![Row::skipped("kills during recovery", why)]);
    }
    let injector = Injector::new(setting)?;
    Ok(vec![injector.killed_again(2)?, injector.killed_again(3)?])
}

/// Injects everything else into single system calls.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    if let Some(why) = strace::missing() {
        return Ok(vec![Row::skipped("faults at system calls", why)]);
    }
    let injector = Injector::new(setting)?;
    let mut rows = vec![injector.killed_once()?];
    rows.push(injector.failing("EIO at a call of create, update, close, batch, import", Fault::Error("EIO"))?);
    rows.push(injector.failing("ENOSPC at such a call", Fault::Error("ENOSPC"))?);
    rows.push(injector.failing("ENOSPC at such a call and all further ones", Fault::ErrorsOn("ENOSPC"))?);
    Ok(rows)
}

impl<'a> Injector<'a> {
    fn new(setting: &'a Setting) -> Result<Self> {
        let world = &setting.world;
        let tracer = Tracer::new(world);
        let start = Template::make(world)?;
        let mut points = Vec::new();
        for kind in KINDS {
            let place = world.copy(&start.place, "traced")?;
            let (arguments, input) = kind.command("traced", ISSUE);
            points.push((kind, tracer.points(&place.checkouts[0], &words(&arguments), input.as_deref())?));
            place.remove()?;
        }
        Ok(Self { setting, world, tracer, start, points })
    }

    /// Kills each command once: at every point, or at some of them.
    fn killed_once(&self) -> Result<Row> {
        let mut row = Row::new("kill at a mutating call of create, update, close, batch, import");
        for (kind, points) in &self.points {
            let points: Vec<&Point> = points.iter().filter(|point| point.mutates).collect();
            for point in self.selected(&points, (8, 3)) {
                self.kill(&mut row, *kind, point, (1, Random::new(self.setting.seed, "kill", 0)))?;
            }
        }
        Ok(row)
    }

    /// Kills commands, and then the next ones during recovery, at points that are drawn.
    fn killed_again(&self, depth: usize) -> Result<Row> {
        let mut row = Row::new(match depth {
            2 => "kill, and again during recovery",
            _ => "kill, and twice more during recovery",
        });
        for round in 0..self.setting.runs(8, 2_500) {
            let mut random = Random::new(self.setting.seed, &format!("depth {depth}"), round);
            let kind = random.pick(&KINDS).context("there are kinds")?;
            let points = self.points.iter().find(|(own, _)| *own == kind).map_or(&[][..], |(_, points)| points);
            let points: Vec<&Point> = points.iter().filter(|point| point.mutates && !point.is_of_index()).collect();
            let Some(point) = random.pick(&points) else { continue };
            self.kill(&mut row, kind, point, (depth, random))?;
            if round % 100 == 99 {
                eprintln!("faults: recovery: {} kills at depth {depth}", row.runs());
            }
        }
        Ok(row)
    }

    /// Kills a command at one point, perhaps the next ones too, and judges what they leave.
    fn kill(&self, row: &mut Row, kind: Kind, point: &Point, (depth, random): (usize, Random)) -> Result<()> {
        let mut random = random;
        let name = format!("killed-{}", row.runs());
        let place = self.world.copy(&self.start.place, &name)?;
        let mut writes = self.start.writes.clone();
        let mut case = format!("{name}: {kind:?} at {} {} of {}", point.call, point.nth, point.file);
        let (mut killed, mut next) = (0, (kind, point.clone()));
        loop {
            let (kind, point) = next;
            let token = format!("killed{killed}");
            let (arguments, input) = kind.command(&token, ISSUE);
            let fault = (&point, Fault::Kill);
            let answer = self.tracer.inject(&place.checkouts[0], &words(&arguments), input.as_deref(), fault)?;
            let fate = fate(row, &case, &answer);
            writes.push(Write { token, kind, checkout: 0, fate });
            if answer.signal() != Some(SIGKILL) {
                break;
            }
            killed += 1;
            if killed == depth {
                break;
            }
            // The next command recovers: where it may be killed is seen in a copy.
            let copy = self.world.copy(&place, "traced")?;
            let points = self.tracer.points(&copy.checkouts[0], &["new", "traced", "--json"], None)?;
            copy.remove()?;
            let points: Vec<&Point> = points.iter().filter(|point| point.mutates && !point.is_of_index()).collect();
            let Some(point) = random.pick(&points) else { break };
            case = format!("{case}, then Create at {} {} of {}", point.call, point.nth, point.file);
            next = (Kind::Create, point.clone());
        }
        if killed == depth {
            row.run();
        }
        self.judge(row, Case::new(self.world, &case), place, writes)
    }

    /// Lets calls fail, each in a run of its own.
    fn failing(&self, what: &str, fault: Fault) -> Result<Row> {
        let mut row = Row::new(what);
        for (kind, points) in &self.points {
            let points: Vec<&Point> = points.iter().filter(|point| can_fail(point, fault)).collect();
            for point in self.selected(&points, (4, 1)) {
                self.fail(&mut row, *kind, point, fault)?;
            }
        }
        Ok(row)
    }

    fn fail(&self, row: &mut Row, kind: Kind, point: &Point, fault: Fault) -> Result<()> {
        let name = format!("failed-{}", row.runs());
        let case = format!("{name}: {kind:?} with {fault:?} at {} {} of {}", point.call, point.nth, point.file);
        let place = self.world.copy(&self.start.place, &name)?;
        let token = "failed".to_owned();
        let (arguments, input) = kind.command(&token, ISSUE);
        let fault = (point, fault);
        let answer = self.tracer.inject(&place.checkouts[0], &words(&arguments), input.as_deref(), fault)?;
        row.run();
        if point.is_sync() && self.tracer.syncs_after_failure()? > 0 {
            row.harm(Harm::Otherwise, format!("{case}: a file was synced again after its sync had failed"));
        }
        let fate = match fate(row, &case, &answer) {
            // Done, but nobody could be told.
            Fate::Refused if point.is_answer() => Fate::Unknown,
            fate => fate,
        };
        let mut writes = self.start.writes.clone();
        writes.push(Write { token, kind, checkout: 0, fate });
        let case = Case { outside: !point.mutates, ..Case::new(self.world, &case) };
        self.judge(row, case, place, writes)
    }

    /// Judges a place; before that or after it something is written.
    fn judge(&self, row: &mut Row, case: Case<'_>, place: Place, mut writes: Vec<Write>) -> Result<()> {
        let early = row.runs().is_multiple_of(2);
        let clean = row.is_clean();
        let write_on = |row: &mut Row| {
            let answer = self.world.run(&place.checkouts[0], &["new", "after", "--json"])?;
            if answer.data().is_none() {
                row.harm(Harm::Wedged, format!("{}: the next `new`: {}", case.name, answer.told()));
            }
            anyhow::Ok(())
        };
        if early {
            write_on(row)?;
            let token = "after".to_owned();
            writes.push(Write { token, kind: Kind::Create, checkout: 0, fate: Fate::Acknowledged });
        }
        judge(row, case, &place, &writes)?;
        if !early {
            write_on(row)?;
        }
        if clean == row.is_clean() { place.remove() } else { Ok(()) }
    }

    /// Returns all points, or so many that are not about the index and so many that are.
    fn selected<'p>(&self, points: &[&'p Point], (most, of_index): (u64, u64)) -> Vec<&'p Point> {
        if self.setting.full {
            return points.to_vec();
        }
        let (index, others): (Vec<&Point>, Vec<&Point>) = points.iter().partition(|point| point.is_of_index());
        let mut selected = spread(&others, most, self.setting.seed);
        selected.extend(spread(&index, of_index, self.setting.seed));
        selected
    }
}

/// Returns so many of some points, evenly spread, beginning where the seed says.
fn spread<'p>(points: &[&'p Point], count: u64, seed: u64) -> Vec<&'p Point> {
    let length = u64::try_from(points.len()).unwrap_or_default();
    let step = length.div_ceil(count).max(1);
    let indexes = (0..count).map(|index| index * step + seed % step).filter(|index| *index < length);
    indexes.filter_map(|index| points.get(usize::try_from(index).ok()?).copied()).collect()
}

/// Says whether a fault makes sense at a point: what is full is noticed by who writes or makes something.
fn can_fail(point: &Point, fault: Fault) -> bool {
    match fault {
        Fault::Kill => point.mutates,
        Fault::Error("EIO") => true,
        Fault::Error(_) => point.mutates && !point.call.starts_with("unlink"),
        Fault::ErrorsOn(_) => point.call == "pwrite64" || point.call == "write",
    }
}

/// Says what became of a write: `pending` means that it is durable.
fn fate(row: &mut Row, case: &str, answer: &Answer) -> Fate {
    if answer.data().is_some() {
        return Fate::Acknowledged;
    }
    if answer.signal() == Some(SIGKILL) {
        return Fate::Unknown;
    }
    if answer.panicked() || answer.code().is_none() {
        row.harm(Harm::Otherwise, format!("{case}: {}", answer.told()));
        return Fate::Unknown;
    }
    match answer.json() {
        Some(json) if json["error"]["code"] == "pending" => Fate::Acknowledged,
        _ => Fate::Refused,
    }
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread() {
        let points: Vec<Point> =
            (0..10).map(|nth| Point { call: "write".to_owned(), nth, file: String::new(), mutates: true }).collect();
        let points: Vec<&Point> = points.iter().collect();
        let nths = |count, seed| spread(&points, count, seed).iter().map(|point| point.nth).collect::<Vec<_>>();
        assert_eq!(nths(3, 0), [0, 4, 8]);
        assert_eq!(nths(3, 1), [1, 5, 9]);
        assert_eq!(nths(20, 7), (0..10).collect::<Vec<_>>());
    }
}
