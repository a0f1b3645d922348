//! Issues of other trackers: what each fixture becomes, every part of it, and that a second import changes nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tickety_engine::convert::{
    Detected, Folder, Format, Memory, NoteKind, ReadOptions, detect, detect_folder, folder_of,
};
use tickety_engine::import::ImportReport;

use crate::world::{World, effects};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// Prints everything that came of an import.
fn dump(world: &World, report: &ImportReport) -> String {
    let mut text = String::new();
    for stored in world.stored() {
        let issue = &stored.issue;
        let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(" | ");
        writeln!(text, "## {}", issue.title).unwrap();
        let closed = issue.closure.as_ref().map(|closure| {
            let at = closure.at.map(|at| at.to_string()).unwrap_or_default();
            format!("{} {at} {}", closure.reason, closure.note.clone().unwrap_or_default())
        });
        for (name, value) in [
            ("references", list(&mut issue.references.iter().cloned())),
            ("is", format!("{} {} {}", issue.status, issue.kind, issue.priority)),
            ("closed", closed.unwrap_or_default()),
            ("labels", list(&mut issue.labels.iter().cloned())),
            ("assignees", list(&mut issue.assignees.iter().cloned())),
            ("reporter", issue.reporter.clone().unwrap_or_default()),
            ("milestone", issue.milestone.clone().unwrap_or_default()),
            ("due", issue.due.map(|due| due.to_string()).unwrap_or_default()),
            ("estimate", issue.estimate.map(|minutes| minutes.0.to_string()).unwrap_or_default()),
            ("spent", issue.spent.map(|minutes| minutes.0.to_string()).unwrap_or_default()),
            ("created", issue.created.to_string()),
            ("updated", issue.imported_updated.map(|time| time.to_string()).unwrap_or_default()),
            (
                "links",
                list(&mut stored.derived.links.iter().map(|end| {
                    format!(
                        "{} {}",
                        end.relation,
                        end.target.as_ref().map_or(String::new(), |target| target.title.clone())
                    )
                })),
            ),
            (
                "fields",
                list(
                    &mut issue
                        .fields
                        .iter()
                        .filter(|(key, _)| !Memory::is_in(key))
                        .map(|(key, value)| format!("{key}={value}")),
                ),
            ),
            ("body", issue.body.clone()),
        ] {
            if !value.is_empty() {
                writeln!(text, "{name}: {value}").unwrap();
            }
        }
        for comment in &issue.comments {
            writeln!(
                text,
                "comment: {} {}: {}",
                comment.author.as_deref().unwrap_or("?"),
                comment.created,
                comment.body
            )
            .unwrap();
        }
    }
    writeln!(text, "## report").unwrap();
    for note in &report.report.notes {
        writeln!(text, "{} {note}", note.kind).unwrap();
    }
    writeln!(text, "left out: {}", report.report.left_out.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap();
    writeln!(text, "passed over: {:?}", report.report.passed_over).unwrap();
    text
}

/// Imports a file or folder twice and prints what came of it.
#[track_caller]
fn imported(format: Format, path: &str) -> String {
    let (path, options) = (fixture(path), ReadOptions::default());
    let mut world = World::new();
    let import = |world: &mut World| match format.endings() {
        Some(endings) => {
            let mut folder = Folder::open(&path, endings).unwrap();
            world.import_open(format, &mut folder, &options)
        }
        None => world.import(format, fs::read(&path).unwrap()),
    };
    let report = import(&mut world);
    assert_eq!(report.report.notes_of(NoteKind::Skipped).count(), 0);
    let text = dump(&world, &report);
    let before = world.stored();
    let again = import(&mut world);
    assert_eq!(effects(&again), (0, 0, before.len()));
    assert_eq!(world.stored(), before);
    text
}

#[test]
fn backlog_md_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Backlog, "backlog"));
}

#[test]
fn tk_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Tk, "tk"));
}

#[test]
fn beans_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Beans, "beans"));
}

#[test]
fn a_folder_of_numbered_files_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Issues, "issues"));
}

#[test]
fn repo_tickets_becomes_issues() {
    insta::assert_snapshot!(imported(Format::RepoTickets, "repo-tickets"));
}

#[test]
fn the_table_of_jira_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Jira, "jira/search.csv"));
}

#[test]
fn the_answer_of_jira_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Jira, "jira/search.json"));
}

#[test]
fn the_table_of_linear_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Linear, "linear/export.csv"));
}

#[test]
fn the_answer_of_linear_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Linear, "linear/query.json"));
}

#[test]
fn the_answer_of_gitlab_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Gitlab, "gitlab/issues.json"));
}

#[test]
fn the_project_export_of_gitlab_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Gitlab, "gitlab/issues.ndjson"));
}

#[test]
fn git_bug_becomes_issues() {
    insta::assert_snapshot!(imported(Format::GitBug, "git-bug/show.json"));
    insta::assert_snapshot!(imported(Format::GitBug, "git-bug/list.json"));
}

#[test]
fn taskwarrior_becomes_issues() {
    insta::assert_snapshot!(imported(Format::Taskwarrior, "taskwarrior/export.json"));
}

#[test]
fn formats_are_told_by_what_is_in_them() {
    for (path, format) in [
        ("github/rest.json", Format::Github),
        ("github/gh.json", Format::Github),
        ("gitlab/issues.json", Format::Gitlab),
        ("gitlab/issues.ndjson", Format::Gitlab),
        ("jira/search.csv", Format::Jira),
        ("jira/search.json", Format::Jira),
        ("linear/export.csv", Format::Linear),
        ("linear/query.json", Format::Linear),
        ("csv/sheet.csv", Format::Csv),
        ("csv/gitlab.csv", Format::Csv),
        ("git-bug/show.json", Format::GitBug),
        ("git-bug/list.json", Format::GitBug),
        ("taskwarrior/export.json", Format::Taskwarrior),
        ("beads.jsonl", Format::Beads),
        ("tk/nw-5c46.md", Format::Markdown),
    ] {
        assert_eq!(detect(&fs::read(fixture(path)).unwrap()), [format], "{path}");
    }
    let mut world = World::new();
    world.import(Format::Github, fs::read(fixture("github/rest.json")).unwrap());
    for format in [Format::Json, Format::Jsonl, Format::Beads, Format::Github, Format::Csv] {
        assert_eq!(detect(world.export(format).as_bytes()), [format]);
    }
    for nothing in ["", "a text\n", "[]", "[1]", "{\"a\":1}", "a,b\n1,2\n"] {
        assert_eq!(detect(nothing.as_bytes()), [], "{nothing}");
    }
}

#[test]
fn folders_are_told_by_what_is_in_them() {
    let root = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        for file in Folder::open(&fixture(from), &[".md", ".yaml"]).unwrap().paths() {
            let target = root.path().join(to).join(file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(fixture(from).join(file), target).unwrap();
        }
    };
    let detected = |path: &std::path::Path| -> Vec<Detected> {
        let mut found = detect_folder(path).unwrap();
        assert!(found.iter_mut().all(|detected| detected.evidence.take().is_some()), "it says by what");
        found
    };
    let found = || detected(root.path());
    let place = |format, path: &str| Detected { format, path: Some(root.path().join(path)), evidence: None };
    assert_eq!(found(), []);
    for (from, to, format) in [
        ("backlog", "backlog", Format::Backlog),
        ("tk", ".tickets", Format::Tk),
        ("beans", ".beans", Format::Beans),
        ("issues", "issues", Format::Issues),
    ] {
        copy(from, to);
        assert_eq!(found(), [place(format, to)]);
        assert_eq!(folder_of(format, root.path()), root.path().join(to));
        assert_eq!(detected(&root.path().join(to)), [place(format, to)]);
        fs::remove_dir_all(root.path().join(to)).unwrap();
    }
    copy("repo-tickets", ".tickets");
    assert_eq!(found(), [place(Format::RepoTickets, ".tickets")]);
    copy("beans", ".beans");
    assert_eq!(found(), [place(Format::RepoTickets, ".tickets"), place(Format::Beans, ".beans")]);
}

#[test]
fn no_single_file_makes_a_folder_one_of_tk_or_beans() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let target = root.path().join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, text).unwrap();
    };
    let told = |path: &str| -> Vec<(Format, String)> {
        let found = detect_folder(&root.path().join(path)).unwrap();
        found.into_iter().map(|detected| (detected.format, detected.evidence.unwrap())).collect()
    };
    let tk = |id: usize| format!("---\nid: t-{id}\nstatus: open\ndeps: []\n---\n# One\n");
    let bean = "---\ntitle: One\nstatus: todo\ncreated_at: 2026-01-01T00:00:00Z\n---\n";
    // Notes, of which one has what tk has, and one what beans has.
    for name in ["a", "b", "c"] {
        write(&format!("notes/{name}.md"), "Just words.\n");
    }
    write("notes/t-1.md", &tk(1));
    write("notes/x-1--one.md", bean);
    assert_eq!(told("notes"), []);
    // The name of the folder says less than what is in it.
    write(".tickets/readme.md", "Words.\n");
    assert_eq!(told(""), []);
    (1..4).for_each(|id| write(&format!(".tickets/t-{id}.md"), &tk(id)));
    let expected = [(Format::Tk, "3 of 4 files have `status`".to_owned())];
    assert_eq!((told(""), told(".tickets")), (expected.to_vec(), expected.to_vec()));
    (1..4).for_each(|id| write(&format!("elsewhere/t-{id}.md"), &tk(id)));
    assert_eq!(told("elsewhere"), [(Format::Tk, "3 of 3 files have `status` and `deps`".to_owned())]);
    write(".beans/readme.md", "Words.\n");
    (1..4).for_each(|id| write(&format!(".beans/b-{id}--one.md"), bean));
    assert_eq!(told(".beans"), [(Format::Beans, "3 of 3 files have `status`".to_owned())]);
}

#[test]
fn files_that_cannot_be_read_hide_no_others() {
    let file = |path: &str, text: &[u8]| (path.to_owned(), text.to_vec());
    let files = [
        file("a.md", b"---\ntitle: A\nb: [\n---\n"),
        file("b.md", b"\xff"),
        file("c.md", b"---\ntitle: C\ntitle: D\nx: 1\n---\n"),
        file("d.md", b"---\na: &x 1\nb: *x\n---\n"),
        file("e.md", &vec![b'e'; 5 << 20]),
        file("f.md", b""),
        file("g/h.md", b"# Heading\n\ntext"),
    ];
    let mut world = World::new();
    let report = world.import_folder(Format::Markdown, &files, &ReadOptions::default());
    insta::assert_snapshot!(dump(&world, &report));
}

#[test]
fn front_matter_is_mapped_as_asked_for() {
    let mut options = ReadOptions::default();
    options.map("status=Zustand").unwrap();
    options.map("field.price=cost").unwrap();
    options.value("status:ruht=in-progress").unwrap();
    let files = [("a.md".to_owned(), b"---\nzustand: Ruht\ncost: 2\n---\n# A\n".to_vec())];
    let mut world = World::new();
    world.import_folder(Format::Markdown, &files, &options);
    let issue = world.found("markdown:a").issue;
    assert_eq!((issue.status.as_str(), issue.fields["price"].to_string()), ("in-progress", "2".to_owned()));
}

#[test]
fn links_are_not_followed_out_of_a_folder() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("secret"), "---\ntitle: Secret\n---\n").unwrap();
    let folder = root.path().join("notes");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("a.md")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("up")).unwrap();
    fs::write(folder.join("b.md"), "---\ntitle: B\n---\n").unwrap();
    let mut world = World::new();
    let mut opened = Folder::open(&folder, &[".md"]).unwrap();
    let report = world.import_open(Format::Markdown, &mut opened, &ReadOptions::default());
    assert_eq!(effects(&report), (1, 0, 0));
    assert_eq!(crate::world::notes(&report, NoteKind::Skipped), "a.md: is a link, and links are not followed\n");
}

#[test]
fn damaged_input_is_reported_or_refused_and_never_imported_twice() {
    let mut random = fastrand::Rng::with_seed(5);
    for (path, format) in [
        ("github/rest.json", Format::Github),
        ("gitlab/issues.json", Format::Gitlab),
        ("jira/search.csv", Format::Jira),
        ("jira/search.json", Format::Jira),
        ("linear/export.csv", Format::Linear),
        ("linear/query.json", Format::Linear),
        ("csv/sheet.csv", Format::Csv),
        ("git-bug/show.json", Format::GitBug),
        ("taskwarrior/export.json", Format::Taskwarrior),
        ("tk/nw-5c46.md", Format::Tk),
        ("repo-tickets/open/BELL-1.yaml", Format::RepoTickets),
    ] {
        let whole = fs::read(fixture(path)).unwrap();
        for _ in 0..40 {
            let mut text = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..text.len());
                match random.u8(..4) {
                    0 => text[at] = random.u8(..),
                    1 => drop(text.remove(at)),
                    2 => text.insert(at, *random.choice(b"\"',{}[]:;-\n\\0").unwrap()),
                    _ => drop(text.drain(at..(at + random.usize(1..40)).min(text.len()))),
                }
                if text.is_empty() {
                    break;
                }
            }
            detect(&text);
            let mut world = World::new();
            let Ok(report) = world.try_import(format, &text, false) else {
                assert_eq!(world.issues(), []);
                continue;
            };
            assert!(report.report.readable <= report.report.records);
            world.import(format, &text);
            let again = world.import(format, &text);
            assert_eq!(effects(&again).2, again.issues.len(), "{path}: {}", String::from_utf8_lossy(&text));
        }
    }
}
