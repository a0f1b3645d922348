//! A server that runs, and what it answers.

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tickety_testkit::TestEnv;

/// What takes longer has failed.
const BOUND: Duration = Duration::from_secs(60);

/// A server of the folder that an environment works in.
pub(crate) struct Server {
    child: RefCell<Child>,
    status: Cell<Option<i32>>,
    client: Client,
    lines: Receiver<String>,
    log: RefCell<String>,
}

/// Who asks one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A client that follows the events.
pub(crate) struct Follower(BufReader<TcpStream>);

/// What it was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl Server {
    /// Starts one on a port that is free, and waits until it takes connections.
    pub(crate) fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        Self::start_in(env, &env.work(), arguments)
    }

    /// Does the same in another folder.
    pub(crate) fn start_in(env: &TestEnv, folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(env, folder, arguments, &[])
    }

    fn start_with(env: &TestEnv, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tickety"))
            .args(["serve", "--json"])
            .args(if arguments.contains(&"--port") { &[][..] } else { &["--port", "0"] })
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", env.home())
            .env("USER", "tester")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(begun) = serde_json::from_str::<Value>(&line) else {
            panic!("{line}{}", lines.iter().collect::<Vec<_>>().join("\n"))
        };
        let address = begun["data"]["address"].as_str().unwrap().parse().unwrap();
        Self {
            child: RefCell::new(child),
            status: Cell::new(None),
            client: Client { address },
            lines,
            log: RefCell::default(),
        }
    }

    /// Starts one for which it is always this time.
    pub(crate) fn start_then(env: &TestEnv, time: &str) -> Self {
        Self::start_with(env, &env.work(), &[], &[("TICKETY_TEST_CLOCK", time)])
    }

    /// Starts one on this port.
    pub(crate) fn start_at(env: &TestEnv, port: &str) -> Self {
        Self::start_in(env, &env.work(), &["--port", port])
    }

    /// Sends the signal that ends it.
    pub(crate) fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.child.borrow());
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits until it has ended, and returns its status.
    pub(crate) fn wait(&self) -> i32 {
        let status = self.child.borrow_mut().wait().unwrap().code().unwrap_or(-1);
        self.status.set(Some(status));
        status
    }

    /// Ends it, and returns its status.
    pub(crate) fn end(&self) -> i32 {
        self.terminate();
        self.wait()
    }

    /// Waits for a line of the log with a text in it.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(BOUND).unwrap_or_else(|_| panic!("no `{text}`: {}", self.log()));
            self.log.borrow_mut().push_str(&format!("{line}\n"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Returns what it has logged, all of it once it has ended.
    pub(crate) fn log(&self) -> String {
        let ended = self.status.get().is_some();
        while let Some(line) = if ended { self.lines.recv().ok() } else { self.lines.try_recv().ok() } {
            self.log.borrow_mut().push_str(&format!("{line}\n"));
        }
        self.log.borrow().clone()
    }
}

impl std::ops::Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream
    }

    /// Sends a request on a connection of its own; `None` if there was no answer.
    fn send(&self, request: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(BOUND)).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, body: body.to_owned() })
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    /// Asks with a token.
    pub(super) fn get_as(&self, token: &str, path: &str) -> Answer {
        self.get_with(path, &format!("Authorization: Bearer {token}\r\n"))
    }

    fn get_with(&self, path: &str, headers: &str) -> Answer {
        let host = self.address;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        self.send(&head).expect("an answer")
    }

    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.send_json("POST", path, &body.to_string())
    }

    /// Writes with a token.
    pub(super) fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let token = format!("Authorization: Bearer {token}\r\n");
        self.send_with("POST", path, &body.to_string(), &token).expect("an answer")
    }

    /// Sends JSON, or lines of it.
    pub(crate) fn send_json(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        self.send_with(method, path, body, "")
    }

    fn send_with(&self, method: &str, path: &str, body: &str, headers: &str) -> Option<Answer> {
        let (host, length) = (self.address, body.len());
        let kind = if path.contains("/batch") && !body.starts_with('[') { "jsonl" } else { "json" };
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/{kind}\r\n\
             {headers}Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).expect("an answer")
    }

    /// Makes an issue.
    pub(crate) fn create(&self, title: &str) {
        let made = self.post("/api/v1/issues", &json!({ "title": title }));
        assert_eq!(made.status, 201, "{made:?}");
    }

    pub(crate) fn follow(&self, query: &str, last_event_id: Option<&str>) -> Follower {
        self.follow_at(&format!("/api/v1/events/stream{query}"), last_event_id)
    }

    /// Follows events, and waits until it is known from where.
    pub(crate) fn follow_at(&self, path: &str, last_event_id: Option<&str>) -> Follower {
        let mut stream = self.connect();
        let id = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let host = self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{id}\r\n").unwrap();
        let mut follower = Follower(BufReader::new(stream));
        while !follower.line().expect("the stream begins").starts_with("retry: ") {}
        follower
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.status.get().is_none() {
            let child = self.child.get_mut();
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Follower {
    /// Waits for a line; `None` at the end. What frames the pieces is left out.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => panic!("{error} after {line:?}"),
        }
    }

    /// Waits for what happens next.
    pub(crate) fn next(&mut self) -> Message {
        let mut message = Message::default();
        while let Some(line) = self.line() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut message.id),
                Some(("event", event)) => event.clone_into(&mut message.event),
                Some(("data", data)) => data.clone_into(&mut message.data),
                _ if line.is_empty() && !message.data.is_empty() => return message,
                _ => {}
            }
        }
        panic!("the stream ended after {message:?}")
    }

    /// Waits for the end, and returns the data that came before.
    pub(crate) fn rest(&mut self) -> String {
        let lines = std::iter::from_fn(|| self.line());
        lines.filter(|line| line.starts_with("data: ")).collect()
    }
}

impl Message {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
