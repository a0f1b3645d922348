//! The commands: one file each, listed in one table.
//!
//! Building every command with all its options costs more than most commands take, so only the one
//! that is called is built. Where that doesn't make sense of the arguments, help is wanted or
//! something is wrong: then everything is built, which knows what to say.

// Not in the table's macro: rustfmt finds modules only where they stand in plain sight.
mod all_closed;
mod backup;
mod batch;
mod branch;
pub(crate) mod cache;
mod check;
mod close;
mod comment;
mod completions;
mod config;
mod current;
mod delete;
mod demo;
mod diff;
mod doctor;
mod edit;
mod events;
mod export;
mod graph;
#[cfg(not(feature = "server"))]
mod handed_over;
mod home;
mod import;
mod index;
mod init;
mod link;
mod list;
mod log;
mod merge;
mod merge_driver;
mod new;
mod ready;
mod renumber;
mod reopen;
mod resolve;
mod restore;
mod scan;
mod search;
#[cfg(feature = "server")]
mod serve;
mod show;
mod stats;
mod status;
mod sync;
#[cfg(feature = "server")]
mod token;
mod unlink;

use std::ffi::OsString;
use std::fmt::Write;
use std::mem::ManuallyDrop;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};

#[cfg(not(feature = "server"))]
use handed_over::{serve, token};

use crate::args::Global;
use crate::exit::{CliError, Ended};
use crate::mistakes;
use crate::question;
use crate::session::Session;

/// What the table knows of a command.
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    group: Group,
    place: Place,
    /// Adds help and options.
    describe: fn(Command) -> Command,
    run: fn(&ArgMatches, &Session) -> Result<Ended, CliError>,
}

/// The groups in which the help shows commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Work,
    Ask,
    Keep,
    /// For programs: no help lists them.
    Hidden,
}

impl Group {
    const ALL: [(Self, &str); 3] =
        [(Self::Work, "Work on issues"), (Self::Ask, "Ask"), (Self::Keep, "Look after the home")];
}

/// What a command works on, and so where it can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Issues in any store: in a home here or, the same, behind a server.
    Storage,
    /// What is told beside the issues, which a server has addresses of its own for.
    Told,
    /// The clone, or the files of its issues: no server does that.
    Here,
    /// Neither: it asks for no issues that there are.
    Own,
}

macro_rules! commands {
    ($($group:ident $place:ident $module:ident $name:literal $($alias:literal)*;)*) => {
        static COMMANDS: &[Entry] = &[$(Entry {
            name: $name,
            aliases: &[$($alias),*],
            group: Group::$group,
            place: Place::$place,
            describe: $module::Args::augment_args,
            run: |matches, session| $module::run($module::Args::from_arg_matches(matches)?, session),
        }),*];
    };
}

commands! {
    Work Storage new "new";
    Work Storage show "show";
    Work Storage edit "edit";
    Work Storage close "close";
    Work Storage reopen "reopen";
    Work Storage comment "comment";
    Work Storage link "link";
    Work Storage unlink "unlink";
    Work Storage delete "delete" "rm";
    Work Storage batch "batch";
    Work Here branch "branch";
    Work Here merge "merge";
    Work Here scan "scan";
    Ask Storage list "list" "ls";
    Ask Storage search "search";
    Ask Storage ready "ready";
    Ask Storage graph "graph";
    Ask Storage stats "stats";
    Ask Storage all_closed "all-closed";
    Ask Told events "events";
    Ask Here current "current";
    Ask Told log "log";
    Ask Here diff "diff";
    Keep Own init "init";
    Keep Here home "home";
    Keep Here status "status";
    Keep Here sync "sync";
    Keep Own serve "serve";
    Keep Own token "token";
    Keep Storage import "import";
    Keep Storage export "export";
    Keep Here index "index";
    Keep Told cache "cache";
    Keep Here doctor "doctor";
    Keep Here check "check";
    Keep Own config "config";
    Keep Here renumber "renumber";
    Keep Here resolve "resolve";
    Keep Here backup "backup";
    Keep Here restore "restore";
    Keep Own demo "demo";
    Keep Own completions "completions";
    Hidden Own merge_driver "merge-driver";
}

/// The commands that take a query, in which words may begin with a hyphen.
const TAKING_QUERIES: [&str; 7] = ["batch", "list", "search", "ready", "stats", "all-closed", "export"];

/// Runs the command that the arguments name.
pub fn run(arguments: &[OsString]) -> Result<Ended, CliError> {
    let named = arguments.iter().enumerate().skip(1).find_map(|(place, word)| Some((place, find(word.to_str()?)?)));
    let query_from = named.filter(|(_, entry)| TAKING_QUERIES.contains(&entry.name)).map(|(place, _)| place);
    // `help` takes nothing but names of commands.
    let first_word = arguments.iter().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let is_help = first_word.is_some_and(|word| word == "help");
    let escaped: Vec<OsString> = arguments
        .iter()
        .enumerate()
        .filter(|(_, argument)| !(is_help && *argument == "--json"))
        .map(|(place, argument)| match argument.to_str() {
            Some(word) if query_from.is_some_and(|from| place > from) => {
                question::escape(word).map_or_else(|| argument.clone(), OsString::from)
            }
            _ => argument.clone(),
        })
        .collect();
    if let Some((1, entry)) = named
        && let Some(matches) = match_alone(entry, &escaped)
    {
        return start(entry, &matches, &matches, arguments);
    }
    let matches = whole_command()
        .try_get_matches_from(&escaped)
        .map_err(|error| mistakes::explain(error, named.map(|(_, entry)| entry.name), query_from.is_some()))?;
    let (name, of_command) = matches.subcommand().expect("clap asks for a command");
    start(find(name).expect("clap knows the commands of the table alone"), &matches, of_command, arguments)
}

/// Makes sense of the arguments after the name of a command, if they make any. The options of every command and its
/// own are one level here: clap would copy them from level to level.
fn match_alone(entry: &Entry, arguments: &[OsString]) -> Option<ManuallyDrop<ArgMatches>> {
    let command = Command::new(entry.name).no_binary_name(true).disable_help_flag(true).disable_version_flag(true);
    // What the process ends with needs no taking apart.
    let mut command = ManuallyDrop::new(Global::augment_args((entry.describe)(command)));
    command.try_get_matches_from_mut(arguments.get(2..)?).ok().map(ManuallyDrop::new)
}

fn start(
    entry: &Entry,
    global: &ArgMatches,
    of_command: &ArgMatches,
    arguments: &[OsString],
) -> Result<Ended, CliError> {
    // Taking the session apart would cost a tenth of most commands, and nothing waits for it: the process ends next,
    // and what was written was written before it was said.
    let session = Session::new(Global::from_arg_matches(global)?, entry.name)?.at(entry.place)?;
    #[cfg(not(feature = "server"))]
    if session.is_remote() {
        return handed_over::become_server();
    }
    let is_once = entry.group == Group::Work && !is_read(entry, of_command);
    if session.global.idempotency_key.is_some() && !is_once {
        return Err(CliError::usage(format_args!("`tickety {}` takes no --idempotency-key", entry.name))
            .hint("leave it out: keys are for commands that write issues, and `import` makes nothing twice anyway"));
    }
    let session = session.once(arguments)?;
    let session = ManuallyDrop::new(session);
    let ended = (entry.run)(of_command, &session);
    session.finish();
    ended
}

/// Tells whether a command, of those that work on issues, writes none.
fn is_read(entry: &Entry, of_command: &ArgMatches) -> bool {
    matches!(entry.name, "show" | "branch") || (entry.name == "batch" && of_command.subcommand_name() == Some("get"))
}

fn find(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// Returns the command line with everything in it.
pub fn whole_command() -> Command {
    let commands: Vec<Command> = COMMANDS.iter().map(|entry| (entry.describe)(named_command(entry))).collect();
    let overview = overview(&commands);
    root().subcommands(commands).help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{overview}\nOptions of every command:\n{{options}}{{after-help}}"
    ))
}

fn root() -> Command {
    Global::augment_args(Command::new("tickety"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("An issue tracker that lives in the repository it tracks")
        .long_about(None)
        .after_help("`tickety COMMAND --help` explains a command; `tickety list` shows the open issues.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
}

fn named_command(entry: &Entry) -> Command {
    Command::new(entry.name).visible_aliases(entry.aliases.iter().copied()).hide(entry.group == Group::Hidden)
}

/// Lists the commands by group, with their first lines of help.
fn overview(commands: &[Command]) -> String {
    let mut text = String::new();
    for (group, title) in Group::ALL {
        writeln!(text, "{title}:").expect("writing to a string succeeds");
        for (entry, command) in COMMANDS.iter().zip(commands).filter(|(entry, _)| entry.group == group) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            writeln!(text, "  {:<12} {about}", entry.name).expect("writing to a string succeeds");
        }
        text.push('\n');
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_consistent() {
        whole_command().debug_assert();
    }

    #[test]
    fn the_documented_table_says_where_commands_work() {
        let page = include_str!("../../../docs/remote.md");
        let documented = |title: &str| {
            let row = page.lines().find(|line| line.starts_with(&format!("| {title} |")));
            let row = row.unwrap_or_else(|| panic!("docs/remote.md has a row `{title}`"));
            let names = row.split('`').skip(1).step_by(2);
            names.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        for (place, title) in [
            (Place::Storage, "with the issues"),
            (Place::Told, "with what else a server tells"),
            (Place::Here, "in the repository"),
            (Place::Own, "whatever the remote"),
        ] {
            let entries = COMMANDS.iter().filter(|entry| entry.place == place && entry.group != Group::Hidden);
            assert_eq!(documented(title), entries.map(|entry| entry.name.to_owned()).collect(), "{title}");
        }
    }

    #[test]
    fn the_commands_with_a_query_are_known() {
        let command = whole_command();
        fn takes_query(command: &Command) -> bool {
            command.get_positionals().any(|argument| argument.get_id() == "words")
                || command.get_subcommands().any(takes_query)
        }
        let with_query = command.get_subcommands().filter(|command| takes_query(command)).map(Command::get_name);
        assert!(with_query.eq(TAKING_QUERIES));
    }
}
