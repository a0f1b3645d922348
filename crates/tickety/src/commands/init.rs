//! `tickety init`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};

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
    /// What names begin with in commit messages, as in TIK-42 [default: TIK]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Make one although a folder above, or this one, belongs to another home
    #[arg(long)]
    nested: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Initialized {
    root: String,
    created: Vec<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let prefix = args.prefix.as_deref().unwrap_or("TIK");
    let root = compose::usual_root(session.context.directory())?;
    if !args.nested
        && let Some(other) = compose::other_home(session.context.directory(), &root)
    {
        let message = format!("this folder belongs to the home in {} already", other.display());
        return Err(CliError::usage(message).hint(format!(
            "`tickety new TITLE` works here; `tickety init --nested` makes another home in {}",
            root.display()
        )));
    }
    let made = compose::init(&root, prefix).map_err(|error| match &args.prefix {
        Some(prefix) if error.is(ErrorCode::BadValue) => error.about(format!("--prefix {prefix}")),
        _ => error,
    })?;
    let root = made.layout.root.display().to_string();
    let relative =
        |path: &std::path::PathBuf| path.strip_prefix(&made.layout.root).unwrap_or(path).display().to_string();
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
        if let Some(prefix) = &args.prefix
            && session.schema().is_ok_and(|schema| schema.prefix != *prefix)
        {
            screen.line(format!("`tickety config set prefix {prefix}` changes the prefix"));
        }
    } else {
        screen.raw("made a home for issues in ").put(palette::PLAIN, &root).end();
        for path in &created {
            screen.raw("  ").put(palette::PLAIN, path).end();
        }
        if made.layout.git.is_some() {
            screen.line(
                "commit these files with the code: git add .tickety && git commit -m 'Track issues with tickety'",
            );
        }
        screen.line("then: tickety new TITLE");
    }
    session.show(screen)
}
