//! The signals that end the server.

use std::path::Path;
use std::thread;

use tickety_server::Closing;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::CliError;

/// Has the server end at the first SIGINT or SIGTERM, and the process at the second, however far the end has come.
/// A thread listens that outlives the runtime of the server: what is waited for last comes after that.
pub fn listen(closing: Closing) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::io("listen to", Path::new("signals"), &error);
    let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        }
    };
    let listening = move || {
        runtime.block_on(async {
            tracing::info!(signal = signals.next().await.1, "ending");
            closing.begin();
            let (number, name) = signals.next().await;
            tracing::warn!(signal = name, "ended at once: what was being exchanged with a remote may be done in part");
            end_at_once(128 + number);
        });
    };
    thread::Builder::new().name("tickety-signals".to_owned()).spawn(listening).map(drop).map_err(failed)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Waits for the next one. Returns its number and name.
    async fn next(&mut self) -> (i32, &'static str) {
        tokio::select! {
            _ = self.interrupt.recv() => (SignalKind::interrupt().as_raw_value(), "SIGINT"),
            _ = self.terminate.recv() => (SignalKind::terminate().as_raw_value(), "SIGTERM"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "somebody wants it to end now, and what is acknowledged is durable")]
fn end_at_once(status: i32) {
    std::process::exit(status);
}
