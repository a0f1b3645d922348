//! `tickety init`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose;
use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Make a home for issues in this repository
///
/// The home is `.tickety` in the root of the repository, or in the folder itself where there is no
/// repository. Commit it: the issues belong to the code.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What names begin with in commit messages, as in TIK-42
    #[arg(long, value_name = "PREFIX", default_value = "TIK")]
    prefix: String,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Initialized {
    root: String,
    created: Vec<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let made = compose::init(&compose::usual_root(session.context.directory())?, &args.prefix)?;
    let root = made.layout.root.display().to_string();
    let relative = |path: &std::path::PathBuf| path.strip_prefix(&made.layout.root).unwrap_or(path).display().to_string();
    let created: Vec<String> = made.created.iter().map(relative).collect();
    if session.json() {
        return session.answer(Initialized { root, created }, Meta::default());
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    if created.is_empty() {
        screen.raw("there is a home in ").put(palette::PLAIN, &root).line(" already; nothing was changed");
    } else {
        screen.raw("made a home for issues in ").put(palette::PLAIN, &root).end();
        for path in &created {
            screen.raw("  ").put(palette::PLAIN, path).end();
        }
        if made.layout.git.is_some() {
            screen.line("commit these files with the code: git add .tickety && git commit -m 'Track issues with tickety'");
        }
        screen.line("then: tickety new TITLE");
    }
    session.show(screen)
}
