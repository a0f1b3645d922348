//! Running a server: its runtime, its projects, its end.
//!
//! Nothing of it is touched by other commands: the runtime and all threads begin in [`run`].

mod figures;
mod guarding;
mod health;
mod logging;
mod process;
mod signals;
mod syncing;
mod told;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tickety_api::ErrorCode;
use tickety_server::metrics::{Metrics, observe};
use tickety_server::operations::{self, Operations};
use tickety_server::{Caller, Closing, Connections, Patience, Project, Server, listener, request_id};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};

use crate::compose::{self, Served, Serving};
use crate::exit::CliError;
use crate::session::Session;
use crate::tokens::TokenFile;

use figures::Looks;
pub use guarding::Guarding;
pub use logging::Logging;
use syncing::{Syncing, Work};
use told::Told;

/// How many threads may wait for disks.
const BLOCKING_THREADS: usize = 64;

/// What to serve, and where.
#[derive(Debug)]
pub struct Plan {
    /// Where to listen.
    pub address: SocketAddr,
    /// The projects by name, the one of `/api/v1` first.
    pub projects: Vec<(String, Serving)>,
    /// How long to wait for a request on a connection.
    pub idle: Duration,
    /// How often to exchange the issues with the remotes, if at all.
    pub sync: Option<Duration>,
    /// For how long clients may give an answer again without asking.
    pub max_age: Duration,
    /// Whom to answer.
    pub guarding: Guarding,
}

/// Serves until a signal comes. `begun` is called when connections are taken.
pub fn run(
    plan: Plan,
    session: &Session,
    begun: impl FnOnce(SocketAddr) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let Plan { address, projects, idle, sync, max_age, guarding } = plan;
    raise_file_limit();
    let closing = Closing::default();
    let metrics = Arc::new(Metrics::default());
    metrics.add(Box::new(process::figures));
    let mut served: Vec<Arc<Running>> = Vec::with_capacity(projects.len());
    for (name, serving) in projects {
        let looks = Arc::new(Looks::default());
        let counted = Arc::clone(&looks);
        let opened = Served::open(&session.context, serving, move |looked| counted.note(looked));
        let opened = opened.map_err(|error| error.about(format!("the project {name}")))?;
        refuse_twice(&served, &name, &opened)?;
        let syncing = begin_syncing(&name, &opened, sync, session)?;
        served.push(Arc::new(Running { syncing, looks, served: opened, name }));
    }
    let tokens = served.iter().map(|running| {
        let file = TokenFile::in_state(&running.served.repo.layout().common_state);
        (running.name.as_str().into(), file)
    });
    let policy = guarding.policy(address.ip(), tokens.collect(), compose::clock(&session.context))?;
    let trusted = policy.proxies.trusted.clone();
    let mut server = Server::new(compose::clock(&session.context)).policy(policy).max_age(max_age);
    if let Some(actor) = session.context.actor()? {
        server = server.caller(Caller::new(actor));
    }
    let mut examined = Vec::new();
    for running in &served {
        let project = running.project(&closing)?;
        server = server.project(Arc::clone(&project));
        let (figures, health) = (Arc::clone(running), Arc::clone(running));
        metrics.add(Box::new(move |more| {
            figures::of_project(&project, &figures.served, &figures.looks, figures.syncing.as_ref(), more);
        }));
        let examine = move || health::examine(&health.served, health.syncing.as_ref());
        examined.push((running.name.clone(), Arc::new(examine) as _));
    }
    let connections = Connections::default();
    let counted = connections.clone();
    metrics.add(Box::new(move |more| {
        more.gauge("http_connections", "Connections that are open", &[], counted.count() as f64);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        more.gauge("tickety_build_info", "1, with the version of the program", &version, 1.0);
    }));
    let operations = Operations {
        version: env!("CARGO_PKG_VERSION"),
        projects: examined,
        closing: closing.clone(),
        metrics: Arc::clone(&metrics),
    };
    let router = observe(server.merge(operations::routes(operations)).router(), Arc::clone(&metrics));
    let patience = Patience { head: idle, proxies: trusted, ..Patience::default() };
    let ending = patience.ending;
    let runtime = start_runtime()?;
    log_panics();
    let ended = runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(address, &error))?;
        signals::listen(closing.clone())?;
        begun(address)?;
        tracing::info!(%address, projects = served.len(), "serving");
        tokio::spawn(metrics.keep_up());
        let left = listener::serve(listener, router, patience, closing, connections).await;
        if left > 0 {
            tracing::warn!(connections = left, "requests took too long to end and were left");
        }
        Ok::<_, CliError>(())
    });
    // Writes that have begun are finished, whoever still waits for them, if they take no longer than that.
    runtime.shutdown_timeout(ending);
    drop(served);
    if ended.is_ok() {
        tracing::info!("ended");
    }
    ended
}

/// A project that runs. What is dropped first ends first: the exchange with the remote before the layers.
struct Running {
    syncing: Option<Syncing>,
    looks: Arc<Looks>,
    served: Served,
    name: String,
}

impl Running {
    /// Makes of it what the routes have.
    fn project(&self, closing: &Closing) -> Result<Arc<Project>, CliError> {
        let served = &self.served;
        let project = Project::new(&self.name, Arc::clone(&served.storage), Arc::clone(&served.log));
        let project = project.map_err(CliError::usage)?;
        let told = Arc::new(Told(Arc::clone(&served.repo)));
        let project = project.bus(Arc::clone(&served.bus)).closing(closing.clone()).index(Arc::clone(&told) as _);
        let project = if served.has_git() { project.historian(told) } else { project };
        Ok(Arc::new(match &served.cached {
            Some(cached) => project.cached(Arc::clone(cached), served.settings.clone()),
            None => project,
        }))
    }
}

/// Refuses projects that have a name or a home in common.
fn refuse_twice(served: &[Arc<Running>], name: &str, opened: &Served) -> Result<(), CliError> {
    for earlier in served {
        if earlier.name == name {
            return Err(CliError::usage(format!("two projects have the name {name}")));
        }
        if earlier.served.home() == opened.home() {
            let (other, home) = (&earlier.name, opened.home().display());
            return Err(CliError::usage(format!("{other} and {name} have the same home, {home}"))
                .hint("give one of them, or the folder of another home"));
        }
    }
    Ok(())
}

/// Begins to exchange the issues of a project with its remote, where that is asked for, or to count what isn't pushed.
fn begin_syncing(
    name: &str,
    served: &Served,
    every: Option<Duration>,
    session: &Session,
) -> Result<Option<Syncing>, CliError> {
    if let Some(why) = every.and_then(|_| served.unsyncable()) {
        return Err(CliError::new(ErrorCode::HomeRefused, format!("--sync: the project {name}: {why}"))
            .hint("`tickety sync` in its folder has to work first"));
    }
    if !served.has_git() {
        return Ok(None);
    }
    let work = Work {
        repo: Arc::clone(&served.repo),
        every,
        actor: session.context.actor()?.map(str::to_owned),
        clock: Box::new(compose::clock(&session.context)),
        project: name.to_owned(),
    };
    let started = Syncing::start(work);
    Ok(Some(started.map_err(|error| CliError::io("start a thread for", Path::new("sync"), &error))?))
}

/// Has panics of requests logged as everything else is.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a panic");
        match request_id::current() {
            Some(id) => tracing::error!(request_id = id.as_str(), place, "{message}"),
            None => tracing::error!(place, "{message}"),
        }
    }));
}

fn start_runtime() -> Result<Runtime, CliError> {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name("tickety-server").max_blocking_threads(BLOCKING_THREADS);
    builder.build().map_err(|error| CliError::io("start threads for", Path::new("the server"), &error))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> CliError {
    let failed = CliError::new(ErrorCode::Io, format!("could not listen on {address}: {error}"));
    match error.kind() {
        std::io::ErrorKind::AddrInUse => failed.hint("another program does: `--port 0` takes a free port"),
        std::io::ErrorKind::PermissionDenied => failed.hint("take a port from 1024 on"),
        _ => failed,
    }
}

/// Lets the process have as many files open as the system lets it: each connection is one.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}
