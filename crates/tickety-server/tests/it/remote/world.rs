//! Servers on sockets, which count who asks them, and clients of theirs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use jiff::Timestamp;
use tickety_api::client::{ManualClock, Remote, RemoteOptions};

use tickety_server::{Caller, Closing, Connections, Patience, Project, Server, listener};
use tickety_store::{EventLog, IssueStorage, MemoryStore};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The time of the server: that of the questions of the contract.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_790_001_000).unwrap()
}

/// A server on a socket. It ends when it is dropped.
pub(crate) struct Served {
    runtime: Option<Runtime>,
    router: Router,
    address: SocketAddr,
    seen: Seen,
}

/// What a server has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    requests: Arc<AtomicU64>,
    answered: Arc<Mutex<Vec<u16>>>,
    losses: Arc<AtomicU64>,
}

impl Served {
    /// A server of a store in memory.
    pub(crate) fn memory() -> Self {
        let store = Arc::<MemoryStore>::default();
        Self::over(Arc::clone(&store) as _, store)
    }

    pub(crate) fn over(storage: Arc<dyn IssueStorage>, log: Arc<dyn EventLog>) -> Self {
        let project = Arc::new(Project::new("main", storage, log).unwrap());
        Self::of(Server::new(now).caller(Caller::new("Ann")).project(project))
    }

    pub(crate) fn of(server: Server) -> Self {
        let seen = Seen::default();
        let router = server.router().layer(middleware::from_fn_with_state(seen.clone(), see));
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Self { runtime: Some(runtime), router, address, seen };
        served.serve(listener);
        served
    }

    fn serve(&self, listener: TcpListener) {
        let serving = listener::serve(
            listener,
            self.router.clone(),
            Patience::default(),
            Closing::default(),
            Connections::default(),
        );
        self.runtime.as_ref().unwrap().spawn(serving);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it.
    pub(crate) fn remote(&self) -> Remote {
        self.remote_with(self.options())
    }

    pub(crate) fn remote_with(&self, options: RemoteOptions) -> Remote {
        Remote::new(options).unwrap()
    }

    pub(crate) fn options(&self) -> RemoteOptions {
        let clock = Arc::new(ManualClock::new());
        RemoteOptions { clock: Some(clock), ..RemoteOptions::new(&self.url()) }
    }

    /// Goes away: nobody is at its address then.
    pub(crate) fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
        // The socket is closed when the task that held it is gone.
        while std::net::TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Comes back to the same address.
    pub(crate) fn start(&mut self) {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind(self.address)).unwrap();
        self.runtime = Some(runtime);
        self.serve(listener);
    }

    /// Another server takes its address.
    pub(crate) fn replaced_by(mut self, server: Server) -> Self {
        self.stop();
        self.router = server.router().layer(middleware::from_fn_with_state(self.seen.clone(), see));
        self.start();
        self
    }

    /// How many requests have come since the last call, and with which statuses they were answered.
    pub(crate) fn taken(&self) -> (u64, Vec<u16>) {
        let statuses = std::mem::take(&mut *self.seen.answered.lock().unwrap());
        (self.seen.requests.swap(0, Ordering::SeqCst), statuses)
    }

    /// Loses so many answers: what they are to is done.
    pub(crate) fn lose(&self, count: u64) {
        self.seen.losses.store(count, Ordering::SeqCst);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

async fn see(axum::extract::State(seen): axum::extract::State<Seen>, request: Request, next: Next) -> Response {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let response = next.run(request).await;
    let is_lost = seen.losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    // Ends the connection without an answer.
    assert!(!is_lost, "this answer is to be lost");
    seen.answered.lock().unwrap().push(response.status().as_u16());
    response
}
