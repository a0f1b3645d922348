//! Reading objects: one running git, however many are asked for.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use super::{Git, GitError, Running};

/// The largest tree that is looked at. A shard with a thousand issues has about 50 KB.
const TREE_LIMIT: u64 = 64 * 1024 * 1024;

/// How many bytes of questions are under way at once: what a pipe takes in any case while git waits for its own answers
/// to be read.
const AHEAD: usize = 4096;

/// A tree as git stores it.
pub(super) struct Tree {
    pub(super) id: String,
    bytes: Vec<u8>,
}

impl Tree {
    /// Returns the names and the ids of the entries, as far as the bytes make sense.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], String)> {
        let id_length = self.id.len() / 2;
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            // `mode name`, a NUL, and the id as bytes.
            let end = rest.iter().position(|&byte| byte == 0)?;
            let start = rest[..end].iter().position(|&byte| byte == b' ')? + 1;
            let (entry, after) = rest.split_at_checked(end + 1 + id_length)?;
            rest = after;
            let id = entry[end + 1..].iter().map(|byte| format!("{byte:02x}")).collect();
            Some((&entry[start..end], id))
        })
    }
}

/// What git says of a name.
#[derive(Debug)]
pub(in crate::repo) enum Object {
    /// The content of a file.
    Blob(Vec<u8>),
    /// The content of a file that is larger than what is read, with its size.
    TooLarge(u64),
    /// Something else than a file.
    Other,
    /// Nothing has the name, or this clone doesn't have it.
    Missing,
}

/// A running `git cat-file --batch`.
pub(in crate::repo) struct Objects {
    // Dropped first: git then reads the end of its input.
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _running: Running,
}

impl Objects {
    pub(in crate::repo) fn start(git: &Git) -> Result<Self, GitError> {
        let mut command = git.command(["cat-file", "--batch"])?;
        command.stdin(Stdio::piped());
        let mut running = Running::start(command)?;
        let input = running.0.stdin.take().expect("its input is piped");
        let output = BufReader::new(running.0.stdout.take().expect("its output is piped"));
        Ok(Self { input, output, _running: running })
    }

    /// Returns a tree by any name git knows; `None` if there is none.
    pub(super) fn tree(&mut self, name: &str) -> Result<Option<Tree>, GitError> {
        self.send(&[name]).and_then(|()| self.receive_tree()).map_err(lost)
    }

    /// Returns the content of a file by any name git knows.
    pub(in crate::repo) fn blob(&mut self, name: &str, limit: u64) -> Result<Object, GitError> {
        self.send(&[name]).and_then(|()| self.receive(limit)).map_err(lost)
    }

    /// Hands the contents of many files to `each`, in the order of their names, each with how much of it is read at the
    /// most. Git works ahead.
    pub(in crate::repo) fn blobs(
        &mut self,
        names: &[(&str, u64)],
        mut each: impl FnMut(usize, Object),
    ) -> Result<(), GitError> {
        let mut place = 0;
        while place < names.len() {
            let mut bytes = 0;
            let rest = names[place..].iter();
            let fits = |name: &&str| {
                bytes += name.len() + 1;
                bytes <= AHEAD
            };
            let sent: Vec<&str> = rest.map(|(name, _)| *name).take_while(fits).collect();
            // A name as long as all that fits goes alone.
            let sent = if sent.is_empty() { vec![names[place].0] } else { sent };
            self.send(&sent).map_err(lost)?;
            for _ in &sent {
                each(place, self.receive(names[place].1).map_err(lost)?);
                place += 1;
            }
        }
        Ok(())
    }

    fn send(&mut self, names: &[&str]) -> io::Result<()> {
        if names.iter().any(|name| name.contains('\n')) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path of the home has a line break"));
        }
        let mut lines = names.join("\n");
        lines.push('\n');
        self.input.write_all(lines.as_bytes())
    }

    fn receive_tree(&mut self) -> io::Result<Option<Tree>> {
        let Some((id, kind, size)) = self.receive_head()? else { return Ok(None) };
        let is_read = kind == "tree" && size <= TREE_LIMIT;
        let bytes = self.receive_content(size, is_read)?;
        Ok((kind == "tree").then_some(Tree { id, bytes }))
    }

    fn receive(&mut self, limit: u64) -> io::Result<Object> {
        let Some((_, kind, size)) = self.receive_head()? else { return Ok(Object::Missing) };
        let is_blob = kind == "blob";
        let bytes = self.receive_content(size, is_blob && size <= limit)?;
        Ok(match is_blob {
            true if size <= limit => Object::Blob(bytes),
            true => Object::TooLarge(size),
            false => Object::Other,
        })
    }

    /// Reads `id type size`; `None` for the name and `missing`.
    fn receive_head(&mut self) -> io::Result<Option<(String, String, u64)>> {
        let mut answer = Vec::new();
        if self.output.read_until(b'\n', &mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = String::from_utf8_lossy(&answer);
        let mut words = answer.trim_end().rsplitn(3, ' ');
        let (size, kind, id) = (words.next(), words.next(), words.next());
        let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else { return Ok(None) };
        Ok(Some((id.unwrap_or_default().to_owned(), kind.unwrap_or_default().to_owned(), size)))
    }

    /// Reads a content and the line feed behind it, or skips them.
    fn receive_content(&mut self, size: u64, is_read: bool) -> io::Result<Vec<u8>> {
        let mut content = self.output.by_ref().take(size);
        let mut bytes = Vec::new();
        if is_read {
            content.read_to_end(&mut bytes)?;
        } else {
            io::copy(&mut content, &mut io::sink())?;
        }
        let mut line_feed = [0];
        self.output.read_exact(&mut line_feed)?;
        Ok(bytes)
    }
}

fn lost(source: io::Error) -> GitError {
    GitError::Pipe { command: "cat-file", source }
}
