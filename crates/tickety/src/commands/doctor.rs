//! `tickety doctor`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::{Finding, Remedy};
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render::palette;
use crate::session::Session;

/// Look for what is wrong with the home: 0 nothing, 1 something
///
/// --fix mends what is safe to mend: what is derived is made afresh, leftovers are removed. No issue
/// is ever changed. What vanished and was not removed by Tickety is named, and so is a change that was undone
/// before it was committed: nothing wrong by itself, since somebody may have meant it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Mend what is safe to mend
    #[arg(long)]
    fix: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Diagnosis {
    healthy: bool,
    findings: Vec<WireFinding>,
}

/// Something that is wrong.
#[derive(Serialize)]
struct WireFinding {
    check: &'static str,
    subject: String,
    message: String,
    /// `note`, `manual`, `fixable` or `fixed`.
    remedy: &'static str,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let findings = session.examine(args.fix)?;
    let healthy = findings.iter().all(|finding| matches!(finding.remedy, Remedy::Note | Remedy::Fixed));
    let ended = if healthy { Ended::Done } else { Ended::No };
    if session.json() {
        let findings = findings
            .into_iter()
            .map(|Finding { check, subject, message, remedy }| WireFinding {
                check: check.as_str(),
                subject,
                message,
                remedy: remedy.as_str(),
            })
            .collect();
        session.answer(Diagnosis { healthy, findings }, Meta::default())?;
        return Ok(ended);
    }
    let mut screen = session.screen();
    let mut fixable = 0;
    for Finding { check, subject, message, remedy } in &findings {
        let style = match remedy {
            Remedy::Note | Remedy::Fixed => palette::FAINT,
            Remedy::Manual | Remedy::Fixable => palette::ALARM,
        };
        screen.put(style, check.as_str()).raw(" ").put(palette::STRONG, subject).raw(": ").put(palette::PLAIN, message);
        match remedy {
            Remedy::Fixed => screen.raw(" [fixed]"),
            Remedy::Fixable => {
                fixable += 1;
                screen.raw(" [--fix mends this]")
            }
            Remedy::Note | Remedy::Manual => &mut screen,
        };
        screen.end();
    }
    output::write(&screen.into_text())?;
    if findings.is_empty() {
        session.note("nothing is wrong");
    } else if fixable > 0 {
        session.note(format_args!("`tickety doctor --fix` mends {fixable} of these"));
    }
    Ok(ended)
}
