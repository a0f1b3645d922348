//! How a server ends.

use std::fs;

use tickety_testkit::TestEnv;

use super::process::Server;

#[test]
fn a_second_signal_ends_what_waits_for_a_remote() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.git(&["add", "."]);
    env.git(&["commit", "--quiet", "-m", "A home"]);
    env.git(&["remote", "add", "origin", "ssh://nowhere.invalid/issues"]);
    env.git(&["config", "branch.main.remote", "origin"]);
    env.git(&["config", "branch.main.merge", "refs/heads/main"]);
    // A remote that never answers: whoever connects waits for the other end of a pipe.
    assert_eq!(env.call_program("mkfifo", &["never"]).status, 0);
    let never = env.work().join("never");
    env.git(&["config", "core.sshCommand", &format!("cat '{}'; true", never.display())]);
    let server = Server::start(&env, &["--sync", "1h"]);
    // It is at work once the pipe has a reader.
    let held = fs::OpenOptions::new().write(true).open(&never).unwrap();
    server.terminate();
    server.wait_for_log("ending");
    server.terminate();
    assert_eq!(server.wait(), 128 + 15);
    assert!(server.log().contains("ended at once"), "{}", server.log());
    drop(held);
}
