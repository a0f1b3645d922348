//! `tickety completions`

use clap_complete::Shell;
use serde::Serialize;
use tickety_api::Meta;

use crate::exit::{CliError, Ended};
use crate::output;
use crate::session::Session;

/// Print the completions for a shell
///
/// For bash: `tickety completions bash > ~/.local/share/bash-completion/completions/tickety`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::whole_command(), "tickety", &mut script);
    let script = String::from_utf8(script).expect("completions are made of the help's text");
    if session.json() {
        return session.answer(Completions { shell: args.shell.to_string(), script }, Meta::default());
    }
    output::write(&script)?;
    Ok(Ended::Done)
}
