//! The log of a server, on standard error.

use std::io;

use clap::ValueEnum;
use tickety_api::ErrorCode;
use tracing_subscriber::filter::LevelFilter;

use crate::context::Context;
use crate::exit::CliError;

/// What is logged, and how.
#[derive(Debug, clap::Args)]
pub struct Logging {
    /// Log this and what is worse: error, warn, info, debug, trace; or off [default: TICKETY_LOG, info]
    #[arg(long = "log", value_name = "LEVEL")]
    level: Option<String>,

    /// Log as text, a line for people, or as json, a document a line [default: text]
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true
    )]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// A line for people
    #[default]
    Text,
    /// A line of JSON
    Json,
}

impl Logging {
    /// Logs from now on.
    pub fn begin(&self, context: &Context) -> Result<(), CliError> {
        let (name, text) = match &self.level {
            Some(text) => ("--log", text.clone()),
            None => ("TICKETY_LOG", context.log_level()?.unwrap_or_else(|| "info".to_owned())),
        };
        let level: LevelFilter = text.trim().parse().map_err(|_| {
            let message = format!("{name}: `{text}` is none of error, warn, info, debug, trace and off");
            CliError::new(ErrorCode::BadValue, message)
        })?;
        let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(false);
        // Only one server runs in a process, and it is the first to log.
        match self.format {
            Format::Text => builder.try_init().ok(),
            Format::Json => builder.json().flatten_event(true).try_init().ok(),
        };
        Ok(())
    }
}
