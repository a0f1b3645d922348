//! Processes under strace: which system calls a command makes, and the same command with a fault at one of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::faults::world::{Answer, World, start};
use crate::program::installed;

/// The calls that change something, whatever their arguments.
const MUTATING: &str = "write,pwrite64,writev,pwritev,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,\
    ftruncate,truncate,fallocate,fsync,fdatasync,syncfs,sync_file_range,link,linkat,symlink,symlinkat,fchmod,fchmodat,\
    fchown,utimensat,copy_file_range";
/// The calls that change something if they make a file.
const OPENING: &str = "open,openat,openat2,creat";
/// The calls after which something is durable.
const SYNCING: [&str; 3] = ["fsync", "fdatasync", "syncfs"];

/// A place in a command where a fault can be injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// The system call.
    pub(super) call: String,
    /// Which call of it, from 1.
    pub(super) nth: u64,
    /// The file it is about.
    pub(super) file: String,
    /// Whether it may change something.
    pub(super) mutates: bool,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is killed before the call does anything.
    Kill,
    /// The call fails.
    Error(&'static str),
    /// The call fails, and so do all further ones of its kind.
    ErrorsOn(&'static str),
}

impl Point {
    /// Says whether the call is about the index, which is derived.
    pub(super) fn is_of_index(&self) -> bool {
        self.file.contains("/index.db")
    }

    /// Says whether the call tells the answer.
    pub(super) fn is_answer(&self) -> bool {
        self.call == "write" && self.file.starts_with("1<")
    }

    /// Says whether the call makes something durable.
    pub(super) fn is_sync(&self) -> bool {
        SYNCING.contains(&self.call.as_str())
    }
}

/// Says why nothing can be traced here, if that is so.
pub(super) fn missing() -> Option<&'static str> {
    if !installed("strace") {
        return Some("strace is not installed");
    }
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"]).output();
    let traced = traced.is_ok_and(|output| output.status.success());
    (!traced).then_some("strace may not trace here")
}

/// A tracer of commands.
#[derive(Debug)]
pub(super) struct Tracer<'a> {
    world: &'a World,
    trace: PathBuf,
}

impl<'a> Tracer<'a> {
    /// Makes a tracer that notes what it saw in a file of the world.
    pub(super) fn new(world: &'a World) -> Self {
        Self { world, trace: world.folder().join("trace") }
    }

    /// Runs a command and returns its points.
    pub(super) fn points(&self, folder: &Path, arguments: &[&str], input: Option<&str>) -> Result<Vec<Point>> {
        self.run(folder, arguments, input, None)?;
        let text = fs::read_to_string(&self.trace).context("strace left no trace")?;
        Ok(points(&text, &self.world.folder().display().to_string()))
    }

    /// Runs a command with a fault.
    pub(super) fn inject(
        &self,
        folder: &Path,
        arguments: &[&str],
        input: Option<&str>,
        (point, fault): (&Point, Fault),
    ) -> Result<Answer> {
        let what = match fault {
            Fault::Kill => format!("{}:signal=KILL:when={}", point.call, point.nth),
            Fault::Error(error) => format!("{}:error={error}:when={}", point.call, point.nth),
            Fault::ErrorsOn(error) => format!("{}:error={error}:when={}+", point.call, point.nth),
        };
        self.run(folder, arguments, input, Some(&what))
    }

    /// Returns how often a file was synced after its sync had failed.
    pub(super) fn syncs_after_failure(&self) -> Result<usize> {
        let text = fs::read_to_string(&self.trace).context("strace left no trace")?;
        Ok(syncs_after_failure(&text))
    }

    fn run(&self, folder: &Path, arguments: &[&str], input: Option<&str>, inject: Option<&str>) -> Result<Answer> {
        let mut command = self.world.prepare(Path::new("strace"), folder);
        command.args(["-f", "-qq", "-y", "-s", "0", "-o"]).arg(&self.trace);
        command.args(["-e", &format!("trace={MUTATING},{OPENING}"), "-e", "signal=none"]);
        if let Some(inject) = inject {
            command.args(["-e", &format!("inject={inject}")]);
        }
        command.arg(self.world.program()).args(arguments);
        start(command, input)?.finish()
    }
}

/// Splits a line of a trace into process, call and arguments.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (process, rest) = line.split_once(' ')?;
    let (call, arguments) = rest.trim_start().split_once('(')?;
    call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some((process, call, arguments))
}

/// Returns the points of a trace that are about files below a folder, or the answer.
fn points(trace: &str, folder: &str) -> Vec<Point> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut points = Vec::new();
    for (process, call, arguments) in trace.lines().filter_map(split) {
        let count = counts.entry((process, call)).or_default();
        *count += 1;
        let Some(file) = file_of(arguments, folder) else { continue };
        let is_opening = OPENING.split(',').any(|opening| opening == call);
        let mutates = !is_opening || ["O_CREAT", "O_TRUNC"].iter().any(|flag| arguments.contains(flag));
        points.push(Point { call: call.to_owned(), nth: *count, file, mutates });
    }
    points
}

/// Returns the file that a call is about, if it is the answer or lies below a folder.
fn file_of(arguments: &str, folder: &str) -> Option<String> {
    let first = arguments.split([',', ')']).next()?;
    if first.starts_with("1<") {
        return Some(first.to_owned());
    }
    // A path: in quotation marks, absolute or below the directory before it.
    let path = arguments.split('"').nth(1).filter(|path| !path.is_empty());
    match path {
        Some(path) if path.starts_with('/') => path.starts_with(folder).then(|| path.to_owned()),
        Some(path) => Some(format!("{first}/{path}")),
        None => first.contains(folder).then(|| first.to_owned()),
    }
}

fn syncs_after_failure(trace: &str) -> usize {
    let mut failed: Vec<&str> = Vec::new();
    let mut again = 0;
    for line in trace.lines() {
        let Some((_, call, arguments)) = split(line) else { continue };
        if !SYNCING.contains(&call) {
            continue;
        }
        let file = arguments.split_once('<').map_or(arguments, |(_, file)| file);
        let file = file.split('>').next().unwrap_or_default();
        if failed.contains(&file) {
            again += 1;
        }
        if line.contains("(INJECTED)") {
            failed.push(file);
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"7 openat(AT_FDCWD</w/h>, "/etc/ld.so.cache", O_RDONLY) = 3</etc/ld.so.cache>
7 openat(AT_FDCWD</w/h>, "/w/h/.tickety/local/lock", O_RDWR|O_CREAT, 0666) = 4</w/h/.tickety/local/lock>
7 pwrite64(4</w/h/.tickety/local/lock>, ""..., 65, 0) = 65
7 openat2(3</w/h/.tickety>, "issues", {flags=O_RDONLY}, 24) = 5</w/h/.tickety/issues>
7 fdatasync(5</w/h/.tickety/local/journal>) = -1 EIO (Input/output error) (INJECTED)
7 fdatasync(5</w/h/.tickety/local/log>) = 0
7 write(2</dev/null>, ""..., 7) = 7
7 write(1<pipe:[5]>, ""..., 7) = 7
"#;

    #[test]
    fn points_are_what_touches_the_home_and_the_answer() {
        let found = points(TRACE, "/w");
        let shown: Vec<_> = found.iter().map(|point| (point.call.as_str(), point.nth, point.mutates)).collect();
        let expected = [
            ("openat", 2, true),
            ("pwrite64", 1, true),
            ("openat2", 1, false),
            ("fdatasync", 1, true),
            ("fdatasync", 2, true),
            ("write", 2, true),
        ];
        assert_eq!(shown, expected);
        assert!(found[5].is_answer() && found[3].is_sync() && !found[3].is_of_index());
    }

    #[test]
    fn a_second_sync_of_a_file_is_counted() {
        assert_eq!(syncs_after_failure(TRACE), 0);
        let again = format!("{TRACE}7 fdatasync(9</w/h/.tickety/local/journal>) = 0\n");
        assert_eq!(syncs_after_failure(&again), 1);
    }
}
