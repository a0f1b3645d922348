//! Commands that ask a server: the same as in a home.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod choosing;
mod differential;
mod offline;
mod same;
mod told;

use tickety_testkit::TestEnv;
use tickety_testkit::env::{Call, Output};

use crate::serving::Server;

/// Returns the address of a server.
fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// Runs a command that asks a server, in a folder without a home.
fn ask(env: &TestEnv, url: &str, arguments: &[&str]) -> Output {
    asking(env, url, arguments).run()
}

/// Makes a call that asks a server, in a folder without a home.
fn asking<'a>(env: &'a TestEnv, url: &str, arguments: &[&str]) -> Call<'a> {
    env.call(&[arguments, &["--remote", url]].concat()).within("..")
}
