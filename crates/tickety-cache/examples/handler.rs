//! An HTTP handler whose pages are cached, stale while they are made anew, and served when making them fails.
//!
//! `cargo run --example handler` asks itself some questions and ends; `cargo run --example handler -- 8080` serves.

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tickety_cache::{Cache, Class, Entry, LoadError, LoadOptions, Lookup, Task};

/// What answers requests.
struct Handler {
    pages: Cache<String, String>,
}

static MADE: AtomicU32 = AtomicU32::new(0);

/// Makes a page, slowly.
fn make(path: &str) -> Result<Entry<String>, String> {
    let number = MADE.fetch_add(1, Ordering::Relaxed) + 1;
    match path {
        "/" => Ok(Entry::new(format!("page number {number}\n"))),
        // The time to live comes from what is made.
        "/news" => Ok(Entry::new(format!("news number {number}\n")).ttl(Duration::from_secs(5)).tag("news")),
        _ => Err(format!("there is no {path}")),
    }
}

impl Handler {
    fn new() -> Self {
        let pages = Class::new("pages")
            .soft_ttl(Duration::from_secs(1))
            .ttl(Duration::from_secs(60))
            .fail_safe(Duration::from_secs(600))
            .failure_ttl(Duration::from_millis(100));
        // Refreshing goes to threads; with a runtime it would go there.
        let spawner = |task: Task| drop(thread::spawn(|| task.run()));
        Self { pages: Cache::builder(1000).defaults(pages).spawner(spawner).build() }
    }

    fn answer(&self, path: &str) -> (u16, &'static str, String) {
        let made = path.to_owned();
        let options = LoadOptions::new().hard_timeout(Duration::from_secs(2));
        match self.pages.load_detached(path, options, move || make(&made)) {
            Ok(Lookup::Fresh { value, .. }) => (200, "fresh", value),
            Ok(Lookup::Stale { value, .. }) => (200, "stale", value),
            Ok(_) => (404, "fresh", "nothing\n".to_owned()),
            Err(LoadError::Failed(reason)) => (404, "none", format!("{reason}\n")),
            Err(_) => (504, "none", "it took too long\n".to_owned()),
        }
    }

    fn serve(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut line = String::new();
        BufReader::new(&mut *stream).take(8192).read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or("/");
        let (status, freshness, body) = self.answer(path);
        write!(
            stream,
            "HTTP/1.1 {status} -\r\nX-Cache: {freshness}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

fn main() -> io::Result<()> {
    let handler = Handler::new();
    let port = std::env::args().nth(1);
    let address = format!("127.0.0.1:{}", port.as_deref().unwrap_or("0"));
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let requests = if port.is_some() { usize::MAX } else { 5 };
    thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming().take(requests) {
                let _ = stream.and_then(|mut stream| handler.serve(&mut stream));
            }
        });
        if port.is_some() {
            println!("http://{address}");
            return Ok(());
        }
        for path in ["/", "/", "/news", "/nowhere", "/"] {
            let mut stream = TcpStream::connect(address)?;
            write!(stream, "GET {path} HTTP/1.1\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            let lines: Vec<&str> = answer.lines().collect();
            println!("{path}: {}, {}, {}", lines[0], lines[1], lines.last().unwrap_or(&""));
        }
        println!("{} pages made", MADE.load(Ordering::Relaxed));
        Ok(())
    })
}
