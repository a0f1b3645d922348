//! What was probably meant by arguments that make no command.
//!
//! The argument parser compares spellings. What people bring from other trackers is spelt differently: `create`
//! for `new`, `list --label x` for `list label:x`.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use tickety_core::query::{Query, QueryProblem};
use tickety_core::schema::Schema;

/// What others call the commands.
const ELSEWHERE: [(&str, &[&str]); 16] = [
    ("new", &["add", "create", "issue", "report", "task"]),
    ("show", &["cat", "get", "info", "view"]),
    ("edit", &["assign", "change", "claim", "label", "modify", "set", "start", "tag", "update"]),
    ("close", &["cancel", "complete", "done", "finish"]),
    ("comment", &["note", "reply"]),
    ("link", &["block", "dep", "depend", "relate"]),
    ("delete", &["del", "remove"]),
    ("list", &["all", "issues", "query"]),
    ("search", &["find", "grep"]),
    ("ready", &["next", "todo"]),
    ("graph", &["deps", "tree"]),
    ("stats", &["count", "summary"]),
    ("log", &["blame", "history"]),
    ("import", &["load"]),
    ("export", &["dump"]),
    ("doctor", &["fix", "fsck"]),
];

/// Says what could have been meant. `command` is the one that was called, if there is one of that name.
pub fn explain(mut error: clap::Error, command: Option<&str>, takes_query: bool) -> clap::Error {
    match (error.kind(), command) {
        (ErrorKind::InvalidSubcommand, None) => {
            let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else { return error };
            let given = given.to_lowercase();
            if let Some((name, _)) = ELSEWHERE.iter().find(|(_, names)| names.contains(&given.as_str())) {
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![(*name).to_owned()]));
            } else if let Some(tip) = no_command(&given) {
                error.remove(ContextKind::SuggestedSubcommand);
                suggest(&mut error, tip.to_owned());
            }
        }
        (ErrorKind::UnknownArgument, Some(command)) => {
            let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return error };
            let tip = if takes_query { condition(given) } else { None };
            if let Some(tip) = tip {
                // The nearest spelling of an option is not what was meant, and neither is the text itself.
                error.remove(ContextKind::SuggestedArg);
                error.remove(ContextKind::Usage);
                suggest(&mut error, tip);
            } else if takes_query && error.get(ContextKind::SuggestedArg).is_none() {
                let tip = "conditions are written `FIELD:VALUE`, as in `label:cache` or `is:any`";
                suggest(&mut error, tip.to_owned());
            } else if !matches!(command, "new" | "comment") {
                error.remove(ContextKind::Suggested);
            }
        }
        _ => {}
    }
    error
}

fn suggest(error: &mut clap::Error, tip: String) {
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
}

/// Says how what no command does is done.
fn no_command(given: &str) -> Option<&'static str> {
    match given {
        "version" => Some("`tickety --version` prints the version"),
        "commit" | "push" | "pull" | "fetch" => {
            Some("`tickety sync` commits the issues, merges what others have, and pushes")
        }
        _ => None,
    }
}

/// Says how an option is written that stands for a condition of a query.
fn condition(option: &str) -> Option<String> {
    let name = option.trim_start_matches('-');
    match name {
        "all" => return Some("`is:any` asks for issues of every status".to_owned()),
        "csv" | "format" | "output" => {
            return Some("--json answers in JSON, and `tickety export` writes files".to_owned());
        }
        _ if name.chars().count() < 2 => return None,
        _ => {}
    }
    let schema = Schema::default();
    if Query::parse(&format!("is:{name}"), &schema).is_ok() {
        return Some(format!("write it as a part of the query: `is:{name}`"));
    }
    // A field that can't have this value is a field all the same.
    let is_field = match Query::parse(&format!("{name}:1"), &schema) {
        Ok(_) => true,
        Err(error) => !matches!(error.problem(), QueryProblem::UnknownField { .. }),
    };
    is_field.then(|| format!("write it as a part of the query: `{name}:VALUE`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_trackers_are_conditions() {
        for (option, says) in [
            ("--label", "`label:VALUE`"),
            ("--state", "`state:VALUE`"),
            ("--assignee", "`assignee:VALUE`"),
            ("--status", "`status:VALUE`"),
            ("--priority", "`priority:VALUE`"),
            ("--closed", "`is:closed`"),
            ("--all", "`is:any`"),
        ] {
            assert!(condition(option).is_some_and(|tip| tip.contains(says)), "{option}: {:?}", condition(option));
        }
        for option in ["-x", "--bogus", "--"] {
            assert_eq!(condition(option), None, "{option}");
        }
    }

    #[test]
    fn no_command_is_called_like_another() {
        let command = crate::commands::whole_command();
        for name in ELSEWHERE.iter().flat_map(|(_, names)| *names) {
            assert!(command.find_subcommand(name).is_none(), "{name}");
        }
        for (name, _) in ELSEWHERE {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
    }
}
