//! Writes that can be recognised afterwards: every part of one carries its token.

use super::random::Random;

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A new issue.
    Create,
    /// A label more.
    Edit,
    /// A comment.
    Comment,
    /// An issue closed with a note.
    Close,
    /// Two issues, one of them blocked by the other, a label and a comment.
    Batch,
    /// Two issues, one of them with a comment, from a file.
    Import,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The command said that it is done.
    Acknowledged,
    /// The command was killed: it is done, or it isn't.
    Unknown,
    /// The command said that it isn't done.
    Refused,
}

/// A write that was tried.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// What all parts of it carry, and nothing else does.
    pub(super) token: String,
    /// What it does.
    pub(super) kind: Kind,
    /// Which checkout it was tried in.
    pub(super) checkout: usize,
    /// What became of it.
    pub(super) fate: Fate,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [Self::Create, Self::Edit, Self::Comment, Self::Close, Self::Batch, Self::Import];

    /// Picks one; those that need an issue only where there is one.
    pub(super) fn pick(random: &mut Random, has_issue: bool, has_closable: bool) -> Self {
        let kind = random.pick(&Self::ALL).unwrap_or(Self::Create);
        match kind {
            Self::Close if !has_closable => Self::Create,
            Self::Edit | Self::Comment | Self::Batch if !has_issue => Self::Create,
            kind => kind,
        }
    }

    /// Returns how many parts carry the token.
    pub(super) fn parts(self) -> u64 {
        match self {
            Self::Batch => 4,
            Self::Import => 3,
            Self::Create | Self::Edit | Self::Comment | Self::Close => 1,
        }
    }

    /// Returns the arguments of a command that does it to an issue, and what that reads.
    pub(super) fn command(self, token: &str, issue: u64) -> (Vec<String>, Option<String>) {
        let issue_name = issue.to_string();
        let words: Vec<&str> = match self {
            Self::Create => vec!["new", token],
            Self::Edit => vec!["edit", &issue_name, "--label", token],
            Self::Comment => vec!["comment", &issue_name, token],
            Self::Close => vec!["close", &issue_name, "--note", token],
            Self::Batch => vec!["batch", "apply", "-"],
            Self::Import => vec!["import", "jsonl", "-"],
        };
        let words = words.into_iter().chain(["--json"]).map(str::to_owned).collect();
        let input = match self {
            Self::Batch => Some(batch(token, issue)),
            Self::Import => Some(import(token)),
            Self::Create | Self::Edit | Self::Comment | Self::Close => None,
        };
        (words, input)
    }
}

/// Returns the lines of a batch: two issues, one blocked by the other, a label and a comment.
fn batch(token: &str, issue: u64) -> String {
    let lines = [
        format!(r#"{{"op":"create","ref":"a","title":"{token}","body":"The first of two."}}"#),
        format!(r#"{{"op":"create","title":"{token}","blocked_by":["$a"]}}"#),
        format!(r#"{{"op":"update","issue":{issue},"add":{{"labels":["{token}"]}}}}"#),
        format!(r#"{{"op":"comment","issue":{issue},"body":"{token}"}}"#),
    ];
    lines.join("\n") + "\n"
}

/// Returns the lines of an import: two issues, one of them with a comment.
fn import(token: &str) -> String {
    let common = r#""created":"2026-01-01T00:00:00Z","status":"open","priority":"medium","kind":"task""#;
    let id = |part: u64| {
        let token = token.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(131) + u64::from(byte));
        format!("019c187c-{:04x}-7{part:03x}-8911-{:012x}", token >> 48, token & 0xffff_ffff_ffff)
    };
    // Two checkouts may bring in the same number, which stays what it is where it is free: no two of ours ask for one.
    let number = token.trim_start_matches(|char: char| !char.is_ascii_digit()).parse().unwrap_or(0_u64) * 1000 + 500;
    let author = r#""author":"Ann","created":"2026-01-02T00:00:00Z""#;
    let comment = format!(r#"[{{"id":"{}",{author},"body":"{token}"}}]"#, id(3));
    format!(
        "{{\"number\":{number},\"id\":\"{}\",\"title\":\"{token}\",{common}}}\n\
         {{\"number\":{},\"id\":\"{}\",\"title\":\"{token}\",{common},\"comments\":{comment}}}\n",
        id(1),
        number + 1,
        id(2),
    )
}
