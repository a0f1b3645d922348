//! What git could not merge is settled by field, and nothing that anybody wrote is lost.

mod clones;
mod property;

use std::fs;

use tickety_core::issue::Priority;
use tickety_core::merge::has_conflict;
use tickety_core::operation::{Change, DraftComment, Operation};
use tickety_store::StorageError;
use tickety_store::repo::{Check, Loss, Resolution, Restoration, Selection};

use crate::home::{create, number, update};
use clones::Clones;

fn title(text: &str) -> Change {
    Change::Title(text.to_owned())
}

fn label(text: &str) -> Change {
    Change::AddLabel(text.to_owned())
}

fn body(text: &str) -> Change {
    Change::Body(text.to_owned())
}

fn comment(text: &str) -> Change {
    Change::AddComment(DraftComment::new(text))
}

fn two(titles: &[&str]) -> Clones {
    Clones::new(&["ann", "bob"], titles)
}

fn said(clones: &Clones, clone: &str, issue: u32) -> Vec<String> {
    clones.issue(clone, issue).comments.into_iter().map(|comment| comment.body).collect()
}

/// The names of the issues' own files.
fn records(clones: &Clones, clone: &str) -> Vec<String> {
    let name = |file: String| file.rsplit('/').next().unwrap().to_owned();
    clones.files(clone).into_iter().map(name).filter(|name| !name.contains('_')).collect()
}

#[test]
fn edits_that_git_takes_for_a_conflict_are_merged_by_field() {
    let clones = two(&["one", "two"]);
    clones.edit("ann", 1, vec![label("a"), title("Ann's"), comment("from Ann")]);
    clones.edit("bob", 1, vec![label("b"), title("Bob's"), Change::Priority(Priority::High)]);
    let resolution = clones.merge_and_resolve("ann", "bob");
    assert!(resolution.is_complete(), "{resolution:?}");
    let [issue] = resolution.resolved.as_slice() else { panic!("{resolution:?}") };
    assert_eq!(issue.overruled[0].field, "title");
    let issue = clones.issue("ann", 1);
    assert_eq!((issue.title.as_str(), issue.priority), ("Bob's", Priority::High));
    assert!(issue.labels.contains("a") && issue.labels.contains("b"));
    assert!(said(&clones, "ann", 1).iter().any(|text| text.contains("> Ann's")));
}

#[test]
fn both_clones_make_the_same_of_the_same_two_states() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![label("a"), title("Ann's"), body("Ann's.\n\nEnd.")]);
    clones.edit("bob", 1, vec![label("b"), title("Bob's"), body("Bob's.\n\nEnd.")]);
    let before = clones.git("ann", &["rev-parse", "HEAD"]);
    clones.merge_and_resolve("bob", "ann");
    clones.git("bob", &["branch", "--quiet", "--force", "theirs"]);
    let bobs = clones.tree("bob");
    clones.git("bob", &["reset", "--quiet", "--hard", "HEAD^1"]);
    assert_eq!(clones.git("ann", &["rev-parse", "HEAD"]), before);
    clones.merge_and_resolve("ann", "bob");
    assert_eq!(clones.tree("ann"), bobs);
}

#[test]
fn a_conflict_in_a_body_stays_in_the_body_and_is_told_once() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![body("First.\n\nAnn's.\n\nLast.")]);
    clones.edit("bob", 1, vec![body("First.\n\nBob's.\n\nLast.")]);
    assert!(!clones.merge("ann", "bob"));
    let resolution = clones.resolve("ann");
    assert!(resolution.resolved[0].body_conflict && !resolution.is_complete());
    let text = clones.issue("ann", 1).body;
    assert_eq!(text, "First.\n\n<<<<<<< older\nAnn's.\n=======\nBob's.\n>>>>>>> newer\n\nLast.");
    assert!(has_conflict(&text));
    let tree = clones.git("ann", &["write-tree"]);
    assert_eq!(clones.resolve("ann"), Resolution::default());
    assert_eq!(clones.git("ann", &["write-tree"]), tree);
    assert_eq!(clones.git("ann", &["ls-files", "--unmerged"]), "");
}

#[test]
fn a_preview_changes_nothing() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![title("Ann's")]);
    clones.edit("bob", 1, vec![title("Bob's")]);
    assert!(!clones.merge("ann", "bob"));
    let status = || clones.git("ann", &["status", "--porcelain"]) + &clones.git("ann", &["diff"]);
    let before = status();
    let preview = clones.store("ann").preview_resolve(None).unwrap();
    assert_eq!(status(), before);
    assert_eq!(clones.resolve("ann"), preview);
    let unknown = clones.store("ann").preview_resolve(Some(&[number(7)])).unwrap_err();
    assert!(matches!(unknown, StorageError::NotFound { .. }), "{unknown}");
}

#[test]
fn an_edit_outlasts_the_deletion_of_the_issue_and_its_comments_come_back() {
    for deleter in ["ann", "bob"] {
        let clones = two(&["one", "two"]);
        clones.edit("ann", 1, vec![comment("said before")]);
        clones.merge("bob", "ann");
        let editor = if deleter == "ann" { "bob" } else { "ann" };
        clones.apply(deleter, vec![Operation::Delete { target: number(1).into(), expected: None }]);
        clones.edit(editor, 1, vec![label("kept")]);
        let resolution = clones.merge_and_resolve("ann", "bob");
        assert!(resolution.resolved[0].undeleted, "{resolution:?}");
        assert!(clones.issue("ann", 1).labels.contains("kept"));
        assert_eq!(said(&clones, "ann", 1), ["said before"]);
    }
}

#[test]
fn a_comment_brings_a_deleted_issue_back() {
    let clones = two(&["one", "two"]);
    clones.edit("ann", 1, vec![comment("said before")]);
    clones.merge("bob", "ann");
    clones.apply("ann", vec![Operation::Delete { target: number(1).into(), expected: None }]);
    clones.edit("bob", 1, vec![comment("said meanwhile")]);
    // Git sees nothing wrong with that.
    assert!(clones.merge("ann", "bob"));
    let resolution = clones.resolve("ann");
    assert!(resolution.resolved[0].undeleted, "{resolution:?}");
    assert_eq!(said(&clones, "ann", 1), ["said before", "said meanwhile"]);
    assert_eq!(clones.resolve("ann"), Resolution::default());
}

#[test]
fn what_meets_a_deletion_is_settled_as_the_format_shows() {
    let mut table =
        String::from("| deleted on one branch, and on the other | stock git | `resolve` |\n|---|---|---|\n");
    let delete = || Operation::Delete { target: number(1).into(), expected: None };
    let change = |change: Change| update(number(1), vec![change]);
    for (what, operation) in [
        ("edited", change(label("kept"))),
        ("a comment added", change(comment("said meanwhile"))),
        ("deleted", delete()),
    ] {
        let mut rows = Vec::new();
        for (one, other) in [(delete(), operation.clone()), (operation, delete())] {
            let clones = two(&["one", "two"]);
            clones.edit("ann", 1, vec![comment("said before")]);
            clones.merge("bob", "ann");
            clones.apply("ann", vec![one]);
            clones.apply("bob", vec![other]);
            let git = match clones.merge("ann", "bob") {
                false => "a conflict",
                true if clones.files("ann").iter().any(|file| file.contains("000001-")) => {
                    "no conflict: the comment is there, and its issue isn't"
                }
                true => "no conflict: it is gone",
            };
            let resolution = clones.resolve("ann");
            let resolved = match resolution.resolved.iter().any(|issue| issue.undeleted) {
                true => {
                    assert!(said(&clones, "ann", 1).iter().any(|text| text == "said before"), "{resolution:?}");
                    "the issue is there, with all of its comments"
                }
                false => "nothing",
            };
            rows.push(format!("| {what} | {git} | {resolved} |\n"));
        }
        assert_eq!(rows[0], rows[1], "whoever merges");
        table.push_str(&rows[0]);
    }
    let document = include_str!("../../../../docs/format.md");
    assert!(document.contains(&table), "docs/format.md should have\n{table}");
}

#[test]
fn edits_and_comments_follow_an_issue_to_its_new_number() {
    let clones = two(&["one", "two"]);
    clones.edit("ann", 1, vec![comment("said before")]);
    clones.merge("bob", "ann");
    let store = clones.store("ann");
    let moved = store.renumber(&[(number(1), None)], (None, clones.now())).unwrap();
    clones.commit("ann");
    clones.edit("bob", 1, vec![comment("said meanwhile"), title("Bob's"), label("b")]);
    let resolution = clones.merge_and_resolve("ann", "bob");
    let new = moved[0].to.number.get();
    let issue = clones.issue("ann", new);
    assert_eq!(issue.title, "Bob's", "{resolution:?}");
    assert_eq!(said(&clones, "ann", new), ["said before", "said meanwhile"]);
    assert_eq!(records(&clones, "ann").len(), 2);
    assert!(clones.files("ann").iter().all(|file| !file.contains("000001-")));
}

#[test]
fn of_two_new_numbers_one_stands_and_both_are_known() {
    let clones = two(&["one", "two"]);
    for (clone, new) in [("ann", 8), ("bob", 9)] {
        let moves = [(number(1), tickety_core::IssueNumber::new(new))];
        clones.store(clone).renumber(&moves, (None, clones.now())).unwrap();
        clones.commit(clone);
    }
    clones.merge_and_resolve("ann", "bob");
    assert_eq!(clones.issue("ann", 8).title, "one");
    assert_eq!(clones.issue("ann", 9).title, "one");
    assert_eq!(records(&clones, "ann").len(), 2);
}

#[test]
fn two_issues_of_one_number_are_told() {
    let clones = two(&["one"]);
    for clone in ["ann", "bob"] {
        clones.apply(clone, vec![create(clone)]);
    }
    let resolution = clones.merge_and_resolve("ann", "bob");
    assert!(resolution.is_complete());
    let [(number, keys)] = resolution.ambiguous.iter().collect::<Vec<_>>()[..] else { panic!("{resolution:?}") };
    assert_eq!((number.get(), keys.len()), (2, 2));
}

#[test]
fn markers_that_were_committed_are_settled_without_git() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![label("a"), title("Ann's")]);
    clones.edit("bob", 1, vec![label("b"), title("Bob's")]);
    assert!(!clones.merge("ann", "bob"));
    clones.commit("ann");
    let marked = clones.git("ann", &["show", "HEAD"]);
    assert!(marked.contains("<<<<<<<"), "{marked}");
    let resolution = clones.resolve("ann");
    assert_eq!(resolution.resolved.len(), 1, "{resolution:?}");
    let issue = clones.issue("ann", 1);
    assert!(issue.labels.contains("a") && issue.labels.contains("b"));
    let other = if issue.title == "Bob's" { "> Ann's" } else { "> Bob's" };
    assert!(said(&clones, "ann", 1)[0].contains(other));
    // What was there is kept beside, and git's index is left alone.
    let kept = fs::read_dir(clones.path("ann").join(".git/tickety/kept")).unwrap();
    assert!(kept.into_iter().any(|entry| fs::read_to_string(entry.unwrap().path()).unwrap().contains("<<<<<<<")));
    assert_eq!(clones.git("ann", &["diff", "--cached", "--name-only"]), "");
    assert_eq!(clones.resolve("ann"), Resolution::default());
}

#[test]
fn what_somebody_settled_by_hand_is_left_alone() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![title("Ann's")]);
    clones.edit("bob", 1, vec![title("Bob's")]);
    assert!(!clones.merge("ann", "bob"));
    let file = clones.path("ann").join(&clones.files("ann")[0]);
    let text = fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once("<<<<<<<").unwrap();
    let (_, tail) = rest.split_once(">>>>>>>").unwrap();
    fs::write(&file, format!("{head}title: By hand\n{}", tail.split_once('\n').unwrap().1)).unwrap();
    let resolution = clones.resolve("ann");
    assert!(resolution.left[0].message.contains("by hand"), "{resolution:?}");
    assert_eq!(clones.issue("ann", 1).title, "By hand");
}

#[test]
fn what_cannot_be_read_is_left_and_hides_nothing_else() {
    let clones = two(&["one", "two"]);
    let broken = clones.path("ann").join(&clones.files("ann")[0]);
    clones.edit("bob", 1, vec![title("Bob's")]);
    let text = fs::read_to_string(&broken).unwrap();
    fs::write(&broken, text.replace("title: one", "title: [")).unwrap();
    clones.commit("ann");
    clones.edit("ann", 2, vec![title("Ann's")]);
    clones.edit("bob", 2, vec![title("Bob's too")]);
    assert!(!clones.merge("ann", "bob"));
    let resolution = clones.resolve("ann");
    assert_eq!((resolution.resolved.len(), resolution.left.len()), (1, 1), "{resolution:?}");
    assert!(resolution.left[0].message.contains("our side can't be read"));
    assert_eq!(clones.issue("ann", 2).title, "Bob's too");
    assert!(clones.git("ann", &["ls-files", "--unmerged"]).contains("000001-"));
}

#[test]
fn cherry_picks_rebases_and_stashes_are_settled_too() {
    let clones = two(&["one"]);
    clones.edit("ann", 1, vec![title("Ann's"), label("a")]);
    clones.edit("bob", 1, vec![title("Bob's"), label("b")]);
    let ann = clones.path("ann");
    clones.git("bob", &["fetch", "--quiet", ann.to_str().unwrap(), "main"]);
    for command in [["rebase", "FETCH_HEAD"], ["cherry-pick", "FETCH_HEAD"]] {
        clones.git("bob", &["checkout", "--quiet", "-B", "try", "main"]);
        assert!(!clones.try_git("bob", &command).done, "{command:?}");
        assert!(clones.resolve("bob").is_complete(), "{command:?}");
        clones.git("bob", &[command[0], "--continue"]);
        let issue = clones.issue("bob", 1);
        assert_eq!((issue.title.as_str(), issue.labels.len()), ("Bob's", 2), "{command:?}");
    }
    clones.git("bob", &["checkout", "--quiet", "-B", "try", "main~1"]);
    clones.apply_only("bob", vec![crate::home::update(number(1), vec![title("Stashed"), label("s")])]);
    clones.git("bob", &["stash", "--include-untracked"]);
    clones.git("bob", &["merge", "--quiet", "FETCH_HEAD"]);
    assert!(!clones.try_git("bob", &["stash", "pop"]).done);
    assert!(clones.resolve("bob").is_complete());
    let issue = clones.issue("bob", 1);
    assert!(issue.labels.contains("a") && issue.labels.contains("s"));
}

#[test]
fn after_a_squash_merge_a_sides_own_earlier_values_give_way_without_a_word() {
    // Whoever merges, and also where the other side went on with something else.
    for (merger, other) in [("ann", "bob"), ("bob", "ann")] {
        for goes_on in [false, true] {
            let clones = two(&["one", "two"]);
            clones.edit("bob", 1, vec![title("Bob's first"), body("Bob's first.\n\nEnd.")]);
            clones.pass();
            clones.git("ann", &["fetch", "--quiet", clones.path("bob").to_str().unwrap(), "main"]);
            clones.git("ann", &["merge", "--quiet", "--squash", "FETCH_HEAD"]);
            clones.commit("ann");
            if goes_on {
                clones.edit("ann", 1, vec![label("shipped"), Change::Priority(Priority::High)]);
            }
            clones.edit("bob", 1, vec![title("Bob's second"), body("Bob's second.\n\nEnd.")]);
            let resolution = clones.merge_and_resolve(merger, other);
            assert!(resolution.is_complete(), "{resolution:?}");
            let issue = clones.issue(merger, 1);
            assert_eq!((issue.title.as_str(), issue.body.as_str()), ("Bob's second", "Bob's second.\n\nEnd."));
            assert_eq!((issue.comments.len(), issue.labels.contains("shipped")), (0, goes_on));
        }
    }
}

#[test]
fn after_a_squash_merge_what_somebody_else_said_is_kept() {
    let clones = two(&["one", "two"]);
    clones.edit("bob", 1, vec![title("Bob's first")]);
    clones.git("ann", &["fetch", "--quiet", clones.path("bob").to_str().unwrap(), "main"]);
    clones.git("ann", &["merge", "--quiet", "--squash", "FETCH_HEAD"]);
    clones.commit("ann");
    clones.edit("ann", 1, vec![title("Ann's")]);
    clones.edit("bob", 1, vec![title("Bob's second")]);
    clones.merge_and_resolve("ann", "bob");
    assert_eq!(clones.issue("ann", 1).title, "Bob's second");
    let said = said(&clones, "ann", 1);
    assert!(said.len() == 1 && said[0].contains("> Ann's"), "{said:?}");
}

/// What could be put back, or with `issues` what would be.
fn restorable(clones: &Clones, issues: Option<&[u32]>) -> Restoration {
    let issues = issues.map(|issues| issues.iter().map(|issue| number(*issue)).collect());
    let selection = Selection { issues, losses: vec![Loss::Missing, Loss::Changed] };
    clones.store("ann").preview_restore(&selection).unwrap()
}

fn named_as_lost(clones: &Clones) -> Vec<String> {
    let found = clones.store("ann").doctor(false).unwrap().into_iter();
    found.filter(|found| [Check::Vanished, Check::Undone].contains(&found.check)).map(|found| found.message).collect()
}

#[test]
fn a_merge_that_is_given_up_after_it_was_settled_has_lost_nothing() {
    let clones = two(&["one", "two"]);
    clones.edit("ann", 1, vec![title("Ann's")]);
    clones.edit("bob", 1, vec![title("Bob's")]);
    assert!(!clones.merge("ann", "bob"));
    let resolution = clones.resolve("ann");
    clones.git("ann", &["merge", "--abort"]);
    // What was settled goes with the note that the merge made.
    assert_eq!(named_as_lost(&clones), Vec::<String>::new());
    let found = restorable(&clones, Some(&[]));
    let [issue] = found.others.as_slice() else { panic!("{found:?}") };
    assert!(issue.settled && issue.files == 2, "{issue:?}");
    assert_eq!(restorable(&clones, None).restored, [], "it is not put back with all");
    assert_eq!(restorable(&clones, Some(&[1])).restored.len(), 1, "but by its name");
    // The merge makes it again.
    assert!(!clones.merge("ann", "bob"));
    assert_eq!(clones.resolve("ann"), resolution);
    // What somebody did on top of it was never anywhere else.
    clones.apply_only("ann", vec![update(number(1), vec![Change::Priority(Priority::High), title("Both")])]);
    clones.git("ann", &["add", ".tickety"]);
    clones.git("ann", &["merge", "--abort"]);
    let named = named_as_lost(&clones);
    assert!(named.len() == 1 && named[0].contains("`Both` is undone"), "{named:?}");
    assert!(!restorable(&clones, Some(&[])).others[0].settled);
    let selection = Selection { issues: Some(vec![number(1)]), losses: vec![Loss::Missing, Loss::Changed] };
    clones.store("ann").restore(&selection, (Some("ann"), clones.now())).unwrap();
    assert_eq!(clones.issue("ann", 1).title, "Both");
}

#[test]
fn while_a_merge_waits_what_it_was_settled_to_is_missed() {
    let clones = two(&["one", "two"]);
    clones.edit("ann", 1, vec![title("Ann's")]);
    clones.edit("bob", 1, vec![title("Bob's")]);
    assert!(!clones.merge("ann", "bob"));
    clones.resolve("ann");
    let record = clones.files("ann").into_iter().find(|path| path.contains("/000001-") && !path.contains('_')).unwrap();
    fs::remove_file(clones.path("ann").join(record)).unwrap();
    let named = named_as_lost(&clones);
    assert!(named.len() == 1 && named[0].contains("`Bob's` vanished"), "{named:?}");
}
