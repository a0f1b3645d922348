//! `tickety serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::Serving;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::serving::{self, Guarding, Logging, Plan};
use crate::session::Session;

/// The port where nothing else is said.
const PORT: u16 = 7420;

/// The name of the project where only one is served.
const ONLY: &str = "main";

/// Answer over HTTP until told to end
///
/// Serves the issues of this home, or of several, to programs on this machine: `/api/v1` is the API, `/health` and
/// `/metrics` tell how the server is doing. Edits of the files are seen within a second. Ctrl+C or a SIGTERM ends it when
/// everything that was begun is answered.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Listen on ADDR [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), hide_default_value = true)]
    bind: IpAddr,

    /// Listen on port N; 0 takes a free one [default: 7420]
    #[arg(long, value_name = "N", default_value_t = PORT, hide_default_value = true)]
    port: u16,

    /// Serve the home of DIR under /api/v1/projects/NAME; the first one is under /api/v1 too. Can be given several times
    /// [default: the home here, as main]
    #[arg(long = "project", value_name = "NAME=DIR")]
    projects: Vec<Project>,

    /// Look at the files once a second instead of watching them
    #[arg(long)]
    poll: bool,

    /// Close connections on which no request comes for so many seconds [default: 15]
    #[arg(long, value_name = "SECONDS", default_value_t = 15, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..=3600))]
    idle_timeout: u16,

    /// Commit, merge and push as `tickety sync` does, every so often, as in 60s or 5m: for a clone that nobody works in
    #[arg(long, value_name = "TIME", value_parser = period)]
    sync: Option<Duration>,

    /// Let clients give an answer again without asking for so long, as in 5s: what others change meanwhile they see that much
    /// later [default: 0s, they always ask]
    #[arg(long, value_name = "TIME", value_parser = age, default_value = "0s", hide_default_value = true)]
    max_age: Duration,

    #[command(flatten)]
    guarding: Guarding,

    #[command(flatten)]
    logging: Logging,
}

/// Reads how often something is to be done.
fn period(text: &str) -> Result<Duration, &'static str> {
    let seconds = seconds(text).filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or("write a time from 1s to 24h, as in 60s or 5m")
}

/// Reads how old an answer may be.
fn age(text: &str) -> Result<Duration, &'static str> {
    let seconds = seconds(text).filter(|seconds| *seconds <= 3600);
    seconds.map(Duration::from_secs).ok_or("write a time from 0s to 1h, as in 5s or 1m")
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A project to serve.
#[derive(Clone, Debug)]
struct Project {
    name: String,
    directory: PathBuf,
}

impl FromStr for Project {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, directory) = text.split_once('=').ok_or("write a name and a folder, as in web=/srv/web")?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let is_name = name.len() <= 64 && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !is_name || !name.bytes().all(is_plain) {
            return Err("names are made of a-z, 0-9, `-`, `_` and `.`, and begin with one of the first two");
        }
        if directory.is_empty() {
            return Err("the folder is missing after `=`");
        }
        Ok(Self { name: name.to_owned(), directory: directory.into() })
    }
}

/// The `data` of the answer, when the server takes connections.
#[derive(Serialize)]
struct Answer {
    /// The address and the port.
    address: String,
    url: String,
    projects: Vec<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let Args { bind, port, projects, poll, idle_timeout, sync, max_age, guarding, logging } = args;
    logging.begin(&session.context)?;
    let settings = session.context.caching()?.settings()?;
    let serving =
        |directory| Serving { directory, freshness: session.global.freshness, settings: settings.clone(), poll };
    let projects: Vec<(String, Serving)> = if projects.is_empty() {
        vec![(ONLY.to_owned(), serving(session.context.directory().to_owned()))]
    } else {
        let from = session.context.directory();
        projects.into_iter().map(|Project { name, directory }| (name, serving(from.join(directory)))).collect()
    };
    let names = projects.iter().map(|(name, _)| name.clone()).collect();
    let idle = Duration::from_secs(idle_timeout.into());
    let plan = Plan { address: SocketAddr::new(bind, port), projects, idle, sync, max_age, guarding };
    serving::run(plan, session, |address| begun(address, names, session))?;
    Ok(Ended::Done)
}

/// Says that the server takes connections, and where.
fn begun(address: SocketAddr, projects: Vec<String>, session: &Session) -> Result<(), CliError> {
    let url = format!("http://{address}");
    if session.json() {
        session.answer(Answer { address: address.to_string(), url, projects }, Meta::default()).map(drop)
    } else {
        output::write(&format!("serving {} at {url}\n", projects.join(", ")))
    }
}
