//! `tickety serve`, `tickety token`, and commands that ask a server, in a build without the server: `tickety-server`, which
//! lies beside the program and is the same program with the server and its client in it, takes their place.

#![expect(clippy::disallowed_methods, reason = "the other program gets the same arguments, whatever they say")]

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use tickety_api::ErrorCode;

use crate::exit::{CliError, Ended};
use crate::session::Session;

/// What the program with the server is called.
const PROGRAM: &str = "tickety-server";

/// What is handed over: how much of it there is, is for the other program to say.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Rest {
    /// What `tickety-server` takes: --help tells
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// `tickety serve`
pub mod serve {
    pub use super::run;

    /// Answer over HTTP until told to end
    ///
    /// Done by `tickety-server`, which lies beside this program: `tickety serve --help` has it tell how.
    #[derive(Debug, clap::Args)]
    pub struct Args {
        #[command(flatten)]
        pub(super) rest: super::Rest,
    }

    impl From<Args> for super::Rest {
        fn from(args: Args) -> Self {
            args.rest
        }
    }
}

/// `tickety token`
pub mod token {
    pub use super::run;

    /// Make, list and revoke the tokens that a server asks for
    ///
    /// Done by `tickety-server`, which lies beside this program: `tickety token --help` has it tell how.
    #[derive(Debug, clap::Args)]
    pub struct Args {
        #[command(flatten)]
        pub(super) rest: super::Rest,
    }

    impl From<Args> for super::Rest {
        fn from(args: Args) -> Self {
            args.rest
        }
    }
}

/// Becomes the program with the server, which says what becomes of the options.
pub fn run(_: impl Into<Rest>, _: &Session) -> Result<Ended, CliError> {
    become_server()
}

/// Becomes the program with the server, and with the client of one.
pub fn become_server() -> Result<Ended, CliError> {
    let own = std::env::current_exe().map_err(|error| CliError::new(ErrorCode::Io, error).about("this program"))?;
    let program = own.with_file_name(PROGRAM);
    let error = Command::new(&program).args(std::env::args_os().skip(1)).exec();
    Err(CliError::new(ErrorCode::Io, error).about(program.display().to_string()).hint(
        "`tickety-server` comes with `tickety`: put both into one folder, or build `tickety` with the feature `server`",
    ))
}
