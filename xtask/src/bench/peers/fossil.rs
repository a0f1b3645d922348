//! Fossil: issues become the artifacts of its tickets, from which `fossil reconstruct` makes a
//! repository. Its commands know no limit, so reports that stop at 50 are added, as a person would
//! in its pages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Operation, Sample, Tracker, WORD};
use crate::program::read;

/// A Fossil repository.
pub(super) struct Fossil {
    version: String,
    repository: PathBuf,
    home: PathBuf,
    identities: Vec<String>,
}

/// The reports: their numbers follow the one that every repository begins with.
const REPORTS: &str = "
INSERT INTO reportfmt(rn, owner, title, mtime, cols, sqlcode) VALUES
 (11, 'bench', 'open', 0, '', 'SELECT substr(tkt_uuid,1,10) AS ''#'', type, status, priority, title FROM ticket
   WHERE status=''Open'' ORDER BY tkt_mtime DESC LIMIT 50'),
 (12, 'bench', 'bugs', 0, '', 'SELECT substr(tkt_uuid,1,10) AS ''#'', type, status, priority, title FROM ticket
   WHERE status=''Open'' AND type=''bug'' AND priority=''high'' ORDER BY tkt_mtime DESC LIMIT 50'),
 (13, 'bench', 'found', 0, '', 'SELECT substr(tkt_uuid,1,10) AS ''#'', type, status, priority, title FROM ticket
   WHERE title LIKE ''%WORD%'' OR comment LIKE ''%WORD%'' ORDER BY tkt_mtime DESC LIMIT 50');
";

impl Fossil {
    /// Makes a repository of the issues.
    pub(super) fn fill(folder: &Path, samples: &[Sample]) -> Result<Self> {
        let artifacts = folder.join("artifacts");
        std::fs::create_dir_all(&artifacts)?;
        let mut identities = Vec::with_capacity(samples.len());
        let mut names = Vec::new();
        let mut write = |name: String, text: &str| -> Result<()> {
            std::fs::write(artifacts.join(&name), text)?;
            names.push(name);
            Ok(())
        };
        for sample in samples {
            // Any 40 hexadecimal digits will do; spread, as random ones are.
            let identity = format!("{:016x}{:024x}", sample.number.wrapping_mul(0x9e37_79b9_7f4a_7c15), sample.number);
            write(format!("{}-0", sample.number), &ticket(sample, &identity))?;
            for (index, comment) in sample.comments.iter().enumerate() {
                write(format!("{}-{}", sample.number, index + 1), &remark(sample, &identity, index, comment))?;
            }
            identities.push(identity);
        }
        sign(&artifacts, &names)?;

        let (repository, home) = (folder.join("peer.fossil"), folder.join("home"));
        let fossil = Self { version: version()?, repository, home, identities };
        let mut command = fossil.start();
        command.arg("reconstruct").args([&fossil.repository, &artifacts]).stdout(Stdio::null());
        ensure!(command.status().context("fossil")?.success(), "fossil could not make a repository of the issues");
        read(fossil.start().arg("sql").arg("-R").arg(&fossil.repository).arg(REPORTS.replace("WORD", WORD)))?;
        let count =
            read(fossil.start().arg("sql").arg("-R").arg(&fossil.repository).arg("SELECT count(*) FROM ticket"))?;
        ensure!(
            count.trim() == samples.len().to_string(),
            "fossil holds {} tickets of {}",
            count.trim(),
            samples.len()
        );
        Ok(fossil)
    }

    fn start(&self) -> Command {
        let mut command = Command::new("fossil");
        command.env("HOME", &self.home).env("USER", "bench").current_dir(&self.home);
        command
    }
}

impl Tracker for Fossil {
    fn name(&self) -> String {
        format!("Fossil {}, measured beside it", self.version)
    }

    fn command(&self, operation: Operation, index: usize, round: usize) -> Command {
        let identity = &self.identities[index];
        let mut command = self.start();
        command.arg("ticket");
        match operation {
            Operation::List => command.args(["show", "11"]),
            Operation::Filter => command.args(["show", "12"]),
            Operation::Search => command.args(["show", "13"]),
            Operation::Show => command.args(["show", "0", &format!("tkt_uuid='{identity}'")]),
            Operation::Update => command.args(["change", identity, "subsystem", &format!("round-{round}")]),
        };
        command.arg("-R").arg(&self.repository);
        command
    }
}

/// Returns the artifact that makes a ticket, without its checksum.
fn ticket(sample: &Sample, identity: &str) -> String {
    let status = if sample.open { "Open" } else { "Closed" };
    let mut text = format!("D {}\n", time(&sample.created, 0));
    // Cards are sorted, and empty values are left out.
    let fields = [
        ("comment", &*sample.body),
        ("priority", &sample.priority),
        ("status", status),
        ("title", &sample.title),
        ("type", &sample.kind),
    ];
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "J {name} {}", encode(value)).expect("a string takes everything");
    }
    text + &format!("K {identity}\nU bench\n")
}

/// Returns the artifact that adds a comment, without its checksum.
fn remark(sample: &Sample, identity: &str, index: usize, comment: &str) -> String {
    format!("D {}\nJ icomment {}\nK {identity}\nU bench\n", time(&sample.created, index + 1), encode(comment))
}

/// Fossil's form of a time; `milliseconds` orders what happened to a ticket.
fn time(created: &str, milliseconds: usize) -> String {
    let seconds = created.get(..19).unwrap_or("2026-01-01T00:00:00");
    format!("{seconds}.{:03}", milliseconds.min(999))
}

fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len() + value.len() / 4);
    for character in value.chars() {
        match character {
            '\\' => encoded.push_str("\\\\"),
            ' ' => encoded.push_str("\\s"),
            '\t' => encoded.push_str("\\t"),
            '\n' => encoded.push_str("\\n"),
            '\r' => encoded.push_str("\\r"),
            other => encoded.push(other),
        }
    }
    encoded
}

/// Ends every artifact with the checksum that Fossil asks for.
fn sign(folder: &Path, names: &[String]) -> Result<()> {
    for names in names.chunks(1000) {
        let sums = read(Command::new("md5sum").args(names).current_dir(folder))?;
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").context("md5sum prints a sum and a name")?;
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)?;
            std::fs::write(&path, format!("{text}Z {sum}\n"))?;
        }
    }
    Ok(())
}

/// Returns the version, from "This is fossil version 2.21 [...] ...".
fn version() -> Result<String> {
    let printed = read(Command::new("fossil").arg("version"))?;
    Ok(printed.split_whitespace().nth(4).unwrap_or("of unknown version").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_becomes_an_artifact() {
        let sample = Sample {
            number: 1,
            title: "One two".to_owned(),
            body: "a\nb\\c".to_owned(),
            open: true,
            priority: "high".to_owned(),
            kind: "bug".to_owned(),
            created: "2026-03-04T05:06:07Z".to_owned(),
            comments: Vec::new(),
        };
        let expected = "D 2026-03-04T05:06:07.000\nJ comment a\\nb\\\\c\nJ priority high\nJ status Open\nJ title One\\stwo\nJ type bug\nK 01\nU bench\n";
        assert_eq!(ticket(&sample, "01"), expected);
    }
}
