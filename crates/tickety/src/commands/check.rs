//! `tickety check`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::Flaw;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::palette;
use crate::session::Session;

/// Check the issues, as a step of a pipeline does: 0 nothing wrong, 1 something
///
/// Files that can't be read, comments without their issues, markers of unresolved merges, both versions of a text left by one, numbers and ids that several issues have, links that lead
/// nowhere, and blocked-by and parent links that go in a circle. With --base, only what isn't wrong there: what a change
/// has brought in.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out what is wrong at this commit, branch or tag, too
    #[arg(long, value_name = "REF")]
    base: Option<String>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    base: Option<String>,
    problems: Vec<WireFlaw>,
}

/// Something that is wrong.
#[derive(Serialize)]
struct WireFlaw {
    /// `conflict`, `record`, `comment`, `number`, `id`, `link` or `cycle`.
    kind: &'static str,
    path: Option<String>,
    line: Option<u32>,
    issues: Vec<String>,
    message: String,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let flaws = session.opened()?.flaws(args.base.as_deref())?;
    let ended = if flaws.is_empty() { Ended::Done } else { Ended::No };
    if session.json() {
        let problems = flaws
            .into_iter()
            .map(|Flaw { kind, path, line, issues, message }| WireFlaw {
                kind: kind.as_str(),
                path,
                line,
                issues: issues.iter().map(ToString::to_string).collect(),
                message,
            })
            .collect();
        session.answer(Answer { ok: ended == Ended::Done, base: args.base, problems }, Meta::default())?;
        return Ok(ended);
    }
    let mut screen = session.screen();
    for Flaw { kind, path, line, issues, message } in &flaws {
        screen.put(palette::ALARM, kind.as_str()).raw(" ");
        let subject = match (path, line, issues.as_slice()) {
            (Some(path), Some(line), _) => format!("{path}:{line}"),
            (Some(path), None, _) => path.clone(),
            (None, _, [first, ..]) => first.to_string(),
            (None, _, []) => String::new(),
        };
        screen.put(palette::STRONG, subject).raw(": ").put(palette::PLAIN, message).end();
    }
    output::write(&screen.into_text())?;
    if flaws.is_empty() {
        match &args.base {
            Some(base) => session.note(format_args!("nothing is wrong that isn't wrong in {base}, too")),
            None => session.note("nothing is wrong"),
        }
    }
    Ok(ended)
}
