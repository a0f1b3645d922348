//! The options of every command.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ValueEnum;
use tickety_store::FreshnessMode;

/// The options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Look for the home in DIR and above it instead of the current directory
    #[arg(short = 'C', long = "dir", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,

    /// Act as ACTOR [default: TICKETY_ACTOR, the user config, git's user.name]
    #[arg(long = "as", value_name = "ACTOR", value_parser = name, global = true)]
    pub actor: Option<String>,

    /// Answer with one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Whether to use colours
    #[arg(
        long = "color",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true,
        help = "Use colours: auto, always or never [auto: on a terminal, see NO_COLOR and CLICOLOR]",
        hide_default_value = true
    )]
    pub colour: ColourChoice,

    /// What to check before answering: verify (every file), shards (directories, and the files in
    /// the answer) or trust (nothing) [default: by the number of files]
    #[arg(long, value_name = "MODE", value_parser = freshness, global = true)]
    pub freshness: Option<FreshnessMode>,

    /// Ask the server at URL instead of a home here [default: TICKETY_REMOTE, the user config]
    #[arg(long, value_name = "URL", global = true)]
    pub remote: Option<String>,

    /// Work on the home here, whatever TICKETY_REMOTE and the user config say
    #[arg(long, conflicts_with = "remote", global = true)]
    pub no_remote: bool,

    /// Do a write once only: sent again with the same KEY, it says what became of it the first time
    #[arg(long, value_name = "KEY", global = true)]
    pub idempotency_key: Option<String>,

    /// Never start a pager
    #[arg(long, global = true)]
    pub no_pager: bool,

    /// Say only what was asked for: no notes, no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Whether to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Reads how many of something there are to be: at least one.
pub fn count(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a number from 1 on".to_owned())
}

/// Reads a name, which has to be one.
pub fn name(text: &str) -> Result<String, String> {
    Some(text.trim().to_owned()).filter(|name| !name.is_empty()).ok_or_else(|| "write a name".to_owned())
}

/// Reads how far to go: 0 is not at all.
pub fn distance(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a number".to_owned())
}

fn freshness(text: &str) -> Result<FreshnessMode, String> {
    text.parse().map_err(|error: tickety_store::storage::FreshnessParseError| error.to_string())
}

/// Whether the arguments ask for JSON, as far as can be told before they are parsed: what is wrong
/// with them has to be said in JSON too.
pub fn wants_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != OsStr::new("--"))
        .any(|argument| argument == OsStr::new("--json"))
}
