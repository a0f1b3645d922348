//! Random `kill -9`: several writers in one home, each of whose commands may be killed at any moment.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Setting;
use super::random::Random;
use super::table::{Harm, Row};
use super::verdict::{Case, judge};
use super::world::{Answer, Place, World, start};
use super::writes::{Fate, Kind, Write};

/// How many rounds one home lives.
const ROUNDS: u64 = 4;
/// How many commands a writer runs in a round.
const COMMANDS: u64 = 3;
/// In how many of a hundred cases a command is killed.
const KILLED: u64 = 65;
/// What ends a process that was killed.
const SIGKILL: i32 = 9;

/// Makes a home of a name.
type MakePlace = fn(&World, &str) -> Result<Place>;

/// What the writers of a home share.
#[derive(Debug, Default)]
struct Shared {
    /// All writes that were tried.
    writes: Vec<Write>,
    /// The issues of each checkout that are known to exist.
    issues: [Vec<u64>; 2],
    /// How long commands take that nobody kills, in microseconds: the mean of the last ones.
    usual: u64,
    /// Commands that failed though nobody killed them.
    failures: Vec<(Harm, String)>,
}

/// One writer in one round.
#[derive(Debug)]
struct Writer<'a> {
    world: &'a World,
    place: &'a Place,
    checkout: usize,
    random: Random,
    shared: &'a Mutex<Shared>,
    tokens: &'a AtomicU64,
    kills: u64,
}

/// Kills until there were enough.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let wanted = setting.runs(150, 10_000);
    let mut rows = Vec::new();
    let places: [(&str, MakePlace); 2] = [
        ("kill -9 of 2 to 8 writers, git repository with a linked work tree", World::repository),
        ("kill -9 of 2 to 8 writers, plain folder", World::plain),
    ];
    for (index, (fault, make)) in places.into_iter().enumerate() {
        let mut row = Row::new(fault);
        let wanted = if index == 0 { wanted.div_ceil(2) } else { wanted / 2 };
        let (mut home, mut through) = (0, 0);
        while row.runs() < wanted {
            let place = make(&setting.world, &format!("kills-{index}-{home}"))?;
            let clean = row.is_clean();
            through += live(setting, &mut row, &place, &format!("{index}-{home}"), wanted)?;
            // What a finding is about stays.
            if clean == row.is_clean() {
                place.remove()?;
            }
            home += 1;
            if u64::is_multiple_of(home, 20) {
                eprintln!("faults: kills: {} of {wanted}", row.runs());
            }
        }
        // Were it all or nothing, the kills would have missed what matters.
        eprintln!("faults: kills: {through} of {} killed writes stand", row.runs());
        rows.push(row);
    }
    Ok(rows)
}

/// Lets writers come and go in one home, and judges it after each round. Returns how many killed writes stand.
fn live(setting: &Setting, row: &mut Row, place: &Place, name: &str, wanted: u64) -> Result<usize> {
    let mut through = 0;
    let shared = Mutex::new(Shared { usual: 30_000, ..Shared::default() });
    let tokens = AtomicU64::new(0);
    for round in 0..ROUNDS {
        let mut random = Random::new(setting.seed, &format!("kills {name}"), round);
        let writers = 2 + random.below(7);
        let kills = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..writers)
                .map(|number| {
                    let writer = Writer {
                        world: &setting.world,
                        place,
                        checkout: usize::try_from(number).unwrap_or_default() % place.checkouts.len(),
                        random: Random::new(random.next(), "writer", number),
                        shared: &shared,
                        tokens: &tokens,
                        kills: 0,
                    };
                    scope.spawn(move || writer.write())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("writers don't panic")).sum::<Result<u64>>()
        })?;
        (0..kills).for_each(|_| row.run());
        let mut shared = shared.lock().expect("no writer panics");
        let case = format!("home {name}, round {round}");
        for (harm, failure) in shared.failures.drain(..) {
            row.harm(harm, format!("{case}: {failure}"));
        }
        through = judge(row, Case::new(&setting.world, &case), place, &shared.writes)?;
        if row.runs() >= wanted || !row.is_clean() {
            break;
        }
    }
    Ok(through)
}

impl Writer<'_> {
    /// Runs its commands and returns how many of them were killed.
    fn write(mut self) -> Result<u64> {
        let mut closable = Vec::new();
        for _ in 0..COMMANDS {
            let known = self.shared.lock().expect("no writer panics").issues[self.checkout].clone();
            let kind = Kind::pick(&mut self.random, !known.is_empty(), !closable.is_empty());
            let issue = match kind {
                // Whoever closes an issue is alone in that: a second note would take the place of the first.
                Kind::Close => closable.pop(),
                _ => self.random.pick(&known),
            };
            let token = format!("w{}", self.tokens.fetch_add(1, Ordering::Relaxed));
            let (arguments, input) = kind.command(&token, issue.unwrap_or_default());
            let answer = self.run(&arguments, input.as_deref())?;
            let fate = self.fate(&answer, &arguments);
            if fate == Fate::Acknowledged && kind == Kind::Create {
                closable.extend(created(&answer));
            }
            let mut shared = self.shared.lock().expect("no writer panics");
            if fate == Fate::Acknowledged {
                shared.issues[self.checkout].extend(created(&answer));
            }
            shared.writes.push(Write { token, kind, checkout: self.checkout, fate });
        }
        Ok(self.kills)
    }

    /// Runs a command, to its end or until it is killed.
    fn run(&mut self, arguments: &[String], input: Option<&str>) -> Result<Answer> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let usual = self.shared.lock().expect("no writer panics").usual;
        let delay = self.random.chance(KILLED).then(|| Duration::from_micros(self.random.below(usual + usual / 4)));
        let begin = Instant::now();
        let mut running = start(self.world.command(&self.place.checkouts[self.checkout], &arguments), input)?;
        if let Some(delay) = delay {
            running.kill_after(delay)?;
        }
        let answer = running.finish()?;
        if answer.signal() == Some(SIGKILL) && !answer.is_hung() {
            self.kills += 1;
        } else {
            let took = u64::try_from(begin.elapsed().as_micros()).context("a command took ages")?;
            let mut shared = self.shared.lock().expect("no writer panics");
            shared.usual = (shared.usual * 7 + took.min(1_000_000)) / 8;
        }
        Ok(answer)
    }

    fn fate(&self, answer: &Answer, arguments: &[String]) -> Fate {
        if answer.data().is_some() {
            return Fate::Acknowledged;
        }
        if answer.signal() == Some(SIGKILL) {
            return Fate::Unknown;
        }
        let harm = if answer.panicked() { Harm::Otherwise } else { Harm::Wedged };
        let told = format!("tickety {}: {}", arguments.join(" "), answer.told());
        self.shared.lock().expect("no writer panics").failures.push((harm, told));
        if answer.is_hung() { Fate::Unknown } else { Fate::Refused }
    }
}

/// Returns the numbers of the issues that an answer says were made.
pub(super) fn created(answer: &Answer) -> Vec<u64> {
    let data = answer.data().unwrap_or_default();
    let single = data["issues"].as_array().into_iter().flatten().filter(|issue| issue["effect"] == "created");
    let batch = data["created"].as_array().into_iter().flatten();
    single.chain(batch).filter_map(|issue| issue["number"].as_u64()).collect()
}
