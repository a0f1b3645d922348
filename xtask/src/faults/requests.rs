//! Requests with a key that are killed and sent again: each is done once, and its answer is always the same.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Setting;
use super::random::Random;
use super::state::State;
use super::table::{Harm, Row};
use super::verdict::{Case, judge_health};
use super::world::{Answer, start};
use super::writes::Kind;

/// How many requests one home gets.
const REQUESTS: u64 = 25;
/// How often a request is killed at the most before it is let through.
const KILLS: u64 = 3;
/// What ends a process that was killed.
const SIGKILL: i32 = 9;

/// Sends requests until enough were killed.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let mut row = Row::new("kill -9 of requests with a key, which are sent again");
    let wanted = setting.runs(50, 2_000);
    let (mut home, mut replayed) = (0, 0);
    while row.runs() < wanted {
        let clean = row.is_clean();
        let place = setting.world.plain(&format!("requests-{home}"))?;
        let checkout = &place.checkouts[0];
        setting.world.data(checkout, &["new", "first", "--json"])?;
        let mut sent = Vec::new();
        let mut usual = 30_000;
        for request in 0..REQUESTS {
            let mut random = Random::new(setting.seed, &format!("requests {home}"), request);
            let kind = random.pick(&[Kind::Create, Kind::Edit, Kind::Comment, Kind::Batch]).unwrap_or(Kind::Create);
            let token = format!("r{request}");
            let (mut arguments, input) = kind.command(&token, 1);
            arguments.extend(["--idempotency-key".to_owned(), token.clone()]);
            let send = |delay: Option<u64>| -> Result<Answer> {
                let mut command = setting.world.command(checkout, &[]);
                command.args(&arguments);
                let mut running = start(command, input.as_deref())?;
                if let Some(delay) = delay {
                    running.kill_after(Duration::from_micros(delay))?;
                }
                running.finish()
            };
            let case = format!("home {home}, {}", arguments.join(" "));
            // What it says if it comes to its end before it is killed counts, too.
            let mut answers = Vec::new();
            for _ in 0..=random.below(KILLS) {
                let answer = send(Some(random.below(usual + usual / 4)))?;
                if answer.signal() == Some(SIGKILL) {
                    row.run();
                }
                answers.extend(answer.json().filter(|_| answer.code() == Some(0)));
            }
            for _ in 0..2 {
                let begin = std::time::Instant::now();
                let answer = send(None)?;
                let took = u64::try_from(begin.elapsed().as_micros())?;
                usual = (usual * 7 + took.min(1_000_000)) / 8;
                match answer.json().filter(|_| answer.code() == Some(0)) {
                    Some(json) => answers.push(json),
                    None => row.harm(Harm::Wedged, format!("{case}: {}", answer.told())),
                }
            }
            replayed += u64::from(answers.first().is_some_and(|first| first["meta"]["replayed"] == true));
            let mut facts = answers.iter().map(|answer| done(&answer["data"]));
            if let Some(first) = facts.next()
                && let Some(other) = facts.find(|other| *other != first)
            {
                row.harm(Harm::Otherwise, format!("{case}: answers {first}, then {other}"));
            }
            sent.push((token, kind));
        }
        let state = State::read(&setting.world, checkout)?;
        for (token, kind) in sent {
            let found = state.tokens.get(&token).copied().unwrap_or_default();
            if found != kind.parts() {
                let harm = if found > kind.parts() { Harm::Otherwise } else { Harm::Lost };
                row.harm(harm, format!("home {home}: {kind:?} {token}: {found} parts, not {}", kind.parts()));
            }
        }
        let case = format!("home {home}");
        judge_health(&mut row, Case::new(&setting.world, &case), checkout)?;
        if clean == row.is_clean() {
            place.remove()?;
        }
        home += 1;
    }
    // Were it none, no kill would have come after a request was done and before it was told.
    eprintln!("faults: requests: {replayed} were done by a process that was killed before it could say so");
    Ok(vec![row])
}

/// Returns what an answer says was done. How long it took differs, and what is told again knows no lines of a file.
fn done(data: &Value) -> Value {
    let mut data = data.clone();
    if let Some(parts) = data.as_object_mut() {
        parts.remove("duration_ms");
        for part in parts.values_mut().filter_map(Value::as_array_mut).flatten().filter_map(Value::as_object_mut) {
            part.remove("line");
        }
    }
    data
}
