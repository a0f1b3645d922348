//! How much one request may take.

use std::time::Duration;

/// What requests may take, and how much of it at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest body, in bytes. Default: 2 MiB, room for the longest text of an issue, which has 1 MiB.
    pub body: usize,
    /// The longest body of a batch, in bytes. Default: 10 MiB.
    pub batch_body: usize,
    /// The most operations of a batch. Default: 100,000.
    pub operations: usize,
    /// The most issues of one page, and the most names of one question. Default: 1,000.
    pub page: u32,
    /// How many bytes the issues of one answer have, about. Where there are more, a page ends earlier, and of issues that
    /// are named the others aren't told. One issue is told however long it is. Default: 8 MiB.
    pub answer_bytes: usize,
    /// How many bytes of bodies are in memory at a time, beside the first 16 KiB of each. Default: 256 MiB. A longer one for
    /// which there is no room is refused.
    pub bodies: usize,
    /// How long to wait for some more of a body. Default: 10 s.
    pub pause: Duration,
    /// How long a request may take, in all. Default: 30 s. A write that has begun is finished all the same.
    pub time: Duration,
    /// How many requests are worked on at a time; others wait. One whose body is still arriving isn't worked on.
    /// Default: 1,024.
    pub requests: usize,
    /// How many threads ask stores at a time, in all projects together. Default: 32.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 2 << 20,
            batch_body: 10 << 20,
            operations: 100_000,
            page: 1_000,
            answer_bytes: 8 << 20,
            bodies: 256 << 20,
            pause: Duration::from_secs(10),
            time: Duration::from_secs(30),
            requests: 1_024,
            threads: 32,
        }
    }
}
