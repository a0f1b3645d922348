//! `tickety init`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};

use crate::compose::{self, CONFIG_FILE, HOME_DIR, HomeKind, LostConfig};
use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Make a home for issues in this repository
///
/// The home is `.tickety` in the root of the repository, or in the folder itself where there is no
/// repository. Commit it: the issues belong to the code. With `--home branch` they are kept on a branch of their own,
/// and with `--home local` in this clone alone. Where somebody has made a home on a branch, it is checked out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What names begin with in commit messages, as in TIK-42 [default: TIK]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Where to keep the issues: with the code (tree), on a branch of their own that all work trees of this clone share
    /// (branch), or in this clone without ever being pushed (local) [default: tree]
    #[arg(long, value_name = "WHERE", value_parser = super::home::kind)]
    home: Option<HomeKind>,

    /// Make one although a folder above, or this one, belongs to another home
    #[arg(long)]
    nested: bool,

    /// Let git merge issues by field, in this clone: `tickety resolve` does the same afterwards
    #[arg(long)]
    merge_driver: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Initialized {
    home: &'static str,
    root: String,
    created: Vec<String>,
    /// The branch that a home on a branch was taken from or begun on.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// What git runs by the setting `merge.tickety.driver`, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    merge_driver: Option<&'static str>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let prefix = args.prefix.as_deref().unwrap_or("TIK");
    let about_prefix = |error: CliError| match &args.prefix {
        Some(prefix) if error.is(ErrorCode::BadValue) => error.about(format!("--prefix {prefix}")),
        _ => error,
    };
    let directory = session.context.directory();
    let kind = match args.home {
        Some(kind) => kind,
        None if args.nested => HomeKind::Tree,
        None => match compose::kind_of_home(directory) {
            Some(kind) => kind,
            None if compose::known_branch(directory)?.is_some() => HomeKind::Branch,
            None => match compose::lost_config(directory)? {
                // A home of what is left would be one beside theirs.
                Some(lost @ (LostConfig::Merging | LostConfig::Moved { .. })) => {
                    return Err(CliError::new(ErrorCode::HomeRefused, "the home of these issues was moved elsewhere")
                        .hint(lost.remedy(CONFIG_FILE)));
                }
                Some(LostConfig::Removed | LostConfig::Unknown) | None => {
                    check_remote(session)?;
                    HomeKind::Tree
                }
            },
        },
    };
    if kind != HomeKind::Tree {
        if args.merge_driver {
            return Err(CliError::usage("--merge-driver is for issues that are kept with the code")
                .hint("leave it out: others are merged by Tickety anyway"));
        }
        let who = (session.context.actor()?, session.context.time_of_writing());
        let made = compose::init_in_clone(directory, kind, prefix, who).map_err(about_prefix)?;
        return tell_of_clone(&made, session);
    }
    let usual = compose::usual_root(directory)?;
    let known = compose::kind_of_home(directory);
    let root = match known {
        // The usual place has one already, or the clone has.
        Some(kind) if args.nested && (kind != HomeKind::Tree || compose::other_home(directory, &usual).is_none()) => {
            directory.to_path_buf()
        }
        _ => usual,
    };
    // A home in the place of one of the clone is refused in any case.
    if !args.nested
        && known == Some(HomeKind::Tree)
        && let Some(other) = compose::other_home(directory, &root)
    {
        let message = format!("this folder belongs to the home in {} already", other.display());
        return Err(CliError::usage(message).hint(format!(
            "`tickety new TITLE` works here; `tickety init --nested` makes another home in {}",
            root.display()
        )));
    }
    let made = compose::init(&root, prefix).map_err(about_prefix)?;
    let driver = args.merge_driver.then(|| compose::install_merge_driver(&made.layout)).transpose()?;
    let root = made.layout.root.display().to_string();
    let relative =
        |path: &std::path::PathBuf| path.strip_prefix(&made.layout.root).unwrap_or(path).display().to_string();
    let created: Vec<String> = made.created.iter().map(relative).collect();
    if session.json() {
        let merge_driver = driver.map(|driver| driver.command);
        return session
            .answer(Initialized { home: "tree", root, created, branch: None, merge_driver }, Meta::default());
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    if created.is_empty() {
        screen.raw("there is a home in ").put(palette::PLAIN, &root).line(if driver.is_some() {
            " already"
        } else {
            " already; nothing was changed"
        });
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
    if let Some(driver) = driver {
        screen.raw("git merges issues by field in this clone: merge.tickety.driver is ").line(driver.command);
        if let Some(path) = driver.changed {
            let path = format!("{HOME_DIR}/{path}");
            screen
                .raw("  ")
                .put(palette::PLAIN, &path)
                .line(" says so; commit it: clones without the driver merge as before");
        }
    }
    session.show(screen)
}

/// Fails where the issues may be on a branch that this clone doesn't have: another home would be a second one.
fn check_remote(session: &Session) -> Result<(), CliError> {
    match compose::ask_for_branch(session.context.directory()) {
        Ok(None) => {}
        Ok(Some(branch)) => {
            let message = format!("{} has a branch for issues, which this clone hasn't fetched", branch.remote);
            return Err(CliError::new(ErrorCode::HomeRefused, message).hint(format!(
                "`{}`, then `tickety init`; `tickety init --home tree` makes a home with the code all the same",
                branch.command()
            )));
        }
        Err(error) => session.note(format_args!(
            "whether the issues are on a branch of the remote isn't known, it didn't answer: {error}"
        )),
    }
    Ok(())
}

/// Tells of a home that all work trees of the clone share.
fn tell_of_clone(made: &compose::Initialized, session: &Session) -> Result<Ended, CliError> {
    let home = made.layout.kind.as_str();
    let root = made.layout.root.display().to_string();
    if session.json() {
        let created = made.created.iter().map(|path| path.display().to_string()).collect();
        let branch = made.branch.clone();
        return session.answer(Initialized { home, root, created, branch, merge_driver: None }, Meta::default());
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    match &made.branch {
        _ if made.created.is_empty() => {
            screen.raw("there is a home in ").put(palette::PLAIN, &root).line(" already; nothing was changed");
        }
        Some(branch) => {
            screen.raw("the issues are on the branch ").put(palette::PLAIN, branch);
            screen.raw(", checked out for this clone in ").put(palette::PLAIN, &root).end();
        }
        None => {
            screen.raw("made a home for the issues of this clone in ").put(palette::PLAIN, &root).end();
            screen.line("they are in no branch and never pushed: `tickety backup` copies them");
        }
    }
    screen.line("then: tickety new TITLE");
    session.show(screen)
}
