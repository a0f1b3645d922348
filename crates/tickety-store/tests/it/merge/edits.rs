//! The edits that meet on two branches.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::{IssueId, IssueName, IssueNumber};
use tickety_core::issue::{
    CloseReason, Closure, Comment, CommentId, FieldValue, Issue, Kind, Link, LinkKind, Minutes, Priority, Status,
};
use tickety_core::schema::{Decimal, FieldDef, FieldType, Schema};
use tickety_store::repo::format::{edit_issue, print_comment};

use super::Base;
use super::git::{Files, ISSUE, Merged};

/// On which branch an edit is made. The same edit says something else on the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Theirs];

    fn pick<T>(self, ours: T, theirs: T) -> T {
        match self {
            Self::Ours => ours,
            Self::Theirs => theirs,
        }
    }
}

/// An edit.
pub(crate) struct Edit {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// What it is about. Only edits of one thing may conflict.
    pub(crate) thing: &'static str,
    how: How,
}

enum How {
    /// By Tickety.
    Issue(fn(&mut Issue, Side)),
    /// By another program or by hand: a line before the end of the front matter.
    UnknownKey,
    /// A file beside the issue's.
    Comment,
    /// The file is gone.
    Deletion,
}

const fn edit(name: &'static str, thing: &'static str, how: fn(&mut Issue, Side)) -> Edit {
    Edit { name, thing, how: How::Issue(how) }
}

/// All of them, in the order of the table.
pub(crate) const EDITS: [Edit; 29] = [
    edit("title", "title", |issue, side| issue.title = side.pick("Ours", "Theirs").into()),
    edit("body, at its top", "body", |issue, side| {
        let top = side.pick("Our first words.", "Their first words.");
        issue.body = match issue.body.split_once("\n\n") {
            Some((_, rest)) => format!("{top}\n\n{rest}"),
            None => top.into(),
        };
    }),
    edit("body, at its end", "body", |issue, side| {
        let end = side.pick("Our last words.", "Their last words.");
        issue.body = if issue.body.is_empty() { end.into() } else { format!("{}\n\n{end}", issue.body) };
    }),
    edit("reporter", "reporter", |issue, side| issue.reporter = Some(side.pick("carl", "dora").into())),
    edit("status", "status", |issue, side| {
        issue.status = Status::new(side.pick("in-progress", "review"));
        issue.closure = None;
    }),
    edit("close", "status", |issue, side| {
        issue.status = Status::new("closed");
        issue.closure = Some(Closure {
            at: Some(side.pick("2026-11-22T10:00:00Z", "2026-11-23T11:00:00Z").parse().unwrap()),
            reason: CloseReason::Completed,
            note: Some(side.pick("Done.\n\nReally.", "Fixed:\n\n  differently").into()),
        });
    }),
    edit("priority", "priority", |issue, side| issue.priority = side.pick(Priority::Critical, Priority::Lowest)),
    edit("kind", "kind", |issue, side| issue.kind = Kind::new(side.pick("epic", "chore"))),
    edit("label, added first", "labels", |issue, side| {
        issue.labels.insert(side.pick("aa", "ab").into());
    }),
    edit("label, added last", "labels", |issue, side| {
        issue.labels.insert(side.pick("zy", "zz").into());
    }),
    edit("label, removed", "labels", |issue, _| {
        issue.labels.remove("storage");
    }),
    edit("assignee, added", "assignees", |issue, side| {
        issue.assignees.insert(side.pick("carl", "dora").into());
    }),
    edit("milestone", "milestone", |issue, side| issue.milestone = Some(side.pick("v8", "v9").into())),
    edit("due", "due", |issue, side| issue.due = Some(side.pick("2027-01-01", "2027-02-02").parse().unwrap())),
    edit("estimate", "estimate", |issue, side| issue.estimate = Some(Minutes(side.pick(601, 602)))),
    edit("spent", "spent", |issue, side| issue.spent = Some(Minutes(side.pick(701, 702)))),
    edit("parent", "parent", |issue, side| {
        issue.links.retain(|link| link.kind != LinkKind::Parent);
        add_link(issue, LinkKind::Parent, side.pick("901-aaaa", "902-bbbb"));
    }),
    edit("blocked-by, added", "blocked-by", |issue, side| {
        add_link(issue, LinkKind::BlockedBy, side.pick("911-aaaa", "912-bbbb"));
    }),
    edit("relates, added", "relates", |issue, side| {
        add_link(issue, LinkKind::Relates, side.pick("921-aaaa", "922-bbbb"));
    }),
    edit("duplicate-of, added", "duplicate-of", |issue, side| {
        add_link(issue, LinkKind::DuplicateOf, side.pick("931-aaaa", "932-bbbb"));
    }),
    edit("discovered-from, added", "discovered-from", |issue, side| {
        add_link(issue, LinkKind::DiscoveredFrom, side.pick("941-aaaa", "942-bbbb"));
    }),
    edit("reference, added", "references", |issue, side| {
        issue.references.insert(side.pick("https://example.org/a", "https://example.org/b").into());
    }),
    edit("declared field, set", "field size", |issue, side| {
        set_field(issue, "size", FieldValue::Number(Decimal::new(side.pick(901.0, 902.5)).unwrap()));
    }),
    edit("another one, set", "field severity", |issue, side| {
        set_field(issue, "severity", FieldValue::Text(side.pick("S1", "S3").into()));
    }),
    edit("other field, added", "field zone", |issue, side| {
        set_field(issue, side.pick("zone", "zoom"), FieldValue::Text(side.pick("several\n\nlines", "no").into()));
    }),
    edit("other field, removed", "field area", |issue, _| {
        issue.fields.remove("area");
    }),
    Edit { name: "unknown key, added", thing: "unknown key", how: How::UnknownKey },
    Edit { name: "comment, added", thing: "comments", how: How::Comment },
    Edit { name: "issue, deleted", thing: "everything", how: How::Deletion },
];

fn add_link(issue: &mut Issue, kind: LinkKind, target: &str) {
    let target = IssueName::parse(target, "").unwrap();
    issue.links.insert(Link { kind, target });
}

fn set_field(issue: &mut Issue, key: &str, value: FieldValue) {
    issue.fields.insert(key.to_owned(), value);
}

impl Edit {
    /// Makes the edit; what another tracker knew of the last change goes with it.
    pub(crate) fn apply(&self, issue: &mut Issue, side: Side) {
        match self.how {
            How::Issue(apply) => {
                let before = issue.clone();
                apply(issue, side);
                if *issue != before {
                    issue.imported_updated = None;
                }
            }
            How::UnknownKey => issue.imported_updated = None,
            How::Comment | How::Deletion => {}
        }
    }

    /// Whether it deletes the issue.
    pub(crate) fn deletes(&self) -> bool {
        matches!(self.how, How::Deletion)
    }

    /// Whether it may conflict with another one.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.thing == other.thing || self.deletes() || other.deletes()
    }

    /// Returns what a branch with the edit changes; `None` if that is nothing.
    pub(crate) fn files(&self, base: &Base, side: Side, schema: &Schema) -> Option<Files> {
        match self.how {
            How::Issue(_) => {
                let mut after = base.issue.clone();
                self.apply(&mut after, side);
                let file = edit_issue(&base.file, &after, schema).unwrap();
                (file != base.file).then(|| Files { issue: Some(file), ..Files::default() })
            }
            How::UnknownKey => {
                let text = String::from_utf8(base.file.clone()).unwrap();
                let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
                let end = format!("{newline}---{newline}");
                let line = format!("{newline}{}{end}", unknown_key(side));
                Some(Files { issue: Some(text.replacen(&end, &line, 1).into_bytes()), ..Files::default() })
            }
            How::Comment => {
                let id = format!("01a1fc01-c5a8-7c3e-9b1d-00000000{}", side.pick("0001", "0002"));
                let comment = Comment {
                    id: CommentId::new(id.parse::<IssueId>().unwrap().uuid()),
                    author: Some(side.pick("ann", "bob").into()),
                    created: "2026-11-22T10:00:00Z".parse().unwrap(),
                    body: side.pick("Ours.", "Theirs.").into(),
                };
                let added = vec![(comment_path(side), print_comment(&comment).unwrap())];
                Some(Files { added, ..Files::default() })
            }
            How::Deletion => Some(Files { is_deleted: true, ..Files::default() }),
        }
    }

    /// Whether what the issue doesn't tell of is there after a merge.
    pub(crate) fn is_kept(&self, merged: &Merged, side: Side) -> bool {
        match self.how {
            How::Issue(_) => true,
            How::UnknownKey => {
                String::from_utf8_lossy(merged.file.as_deref().unwrap_or_default()).contains(unknown_key(side))
            }
            How::Comment => merged.names.contains(&comment_path(side)),
            How::Deletion => !merged.names.contains(ISSUE),
        }
    }
}

fn unknown_key(side: Side) -> &'static str {
    side.pick("x-ours: 1", "x-theirs: 2")
}

fn comment_path(side: Side) -> String {
    format!("{}_20261122T100000Z-{}.md", ISSUE.strip_suffix(".md").unwrap(), side.pick("0001", "0002"))
}

/// The vocabulary of the issues here, with two declared fields.
pub(crate) fn schema() -> Schema {
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    let severity = FieldType::Choice(["S1", "S2", "S3"].map(str::to_owned).into());
    Schema { fields: vec![field("size", FieldType::Number), field("severity", severity)], ..Schema::default() }
}

/// An issue with a title and no more.
pub(crate) fn new() -> Issue {
    let id: IssueId = "01a1fc01-c5a8-7c3e-9b1d-0000000a0602".parse().unwrap();
    Issue {
        number: IssueNumber::new(42).unwrap(),
        id,
        title: "Something is wrong".into(),
        body: String::new(),
        status: Status::new("open"),
        closure: None,
        priority: Priority::Medium,
        kind: Kind::new("task"),
        labels: BTreeSet::new(),
        assignees: BTreeSet::new(),
        reporter: Some("ann".into()),
        milestone: None,
        due: None,
        estimate: None,
        spent: None,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: BTreeMap::new(),
        created: "2026-11-21T02:48:57Z".parse().unwrap(),
        imported_updated: None,
    }
}

/// An issue that has everything.
pub(crate) fn full() -> Issue {
    let mut issue = new();
    issue.body = "The first paragraph.\n\nThe second\nof several lines.\n\nThe last.".into();
    issue.labels = ["cache", "storage", "ui"].map(str::to_owned).into();
    issue.assignees = ["bob".to_owned()].into();
    issue.milestone = Some("v1".into());
    issue.due = Some("2026-12-01".parse().unwrap());
    issue.estimate = Some(Minutes(60));
    issue.spent = Some(Minutes(30));
    for (kind, target) in [
        (LinkKind::Parent, "1-aaaa"),
        (LinkKind::BlockedBy, "2-bbbb"),
        (LinkKind::BlockedBy, "3-cccc"),
        (LinkKind::Relates, "4-dddd"),
        (LinkKind::DuplicateOf, "5-eeee"),
        (LinkKind::DiscoveredFrom, "6-ffff"),
    ] {
        add_link(&mut issue, kind, target);
    }
    issue.references = ["beads:bd-1".to_owned()].into();
    set_field(&mut issue, "area", FieldValue::Text("core".into()));
    set_field(&mut issue, "size", FieldValue::Number(Decimal::new(3.0).unwrap()));
    set_field(&mut issue, "severity", FieldValue::Text("S2".into()));
    issue
}

/// The same with the time of its last change elsewhere, which the first edit drops.
pub(crate) fn imported() -> Issue {
    Issue { imported_updated: Some("2026-11-21T12:00:00Z".parse().unwrap()), ..full() }
}
