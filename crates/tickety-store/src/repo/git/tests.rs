use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use tempfile::TempDir;
use tickety_core::ident::IssueNumber;

use super::*;
use crate::repo::counter::allocate;
use crate::repo::discovery::layout_at;

const ONE: &str = "issues/000/000001-k3f9.md";
const TWO: &str = "issues/000/000002-k3f9.md";
const FAR: &str = "issues/041/041007-k3f9.md";

/// A repository with a home at its root or in a folder of it.
struct Repo {
    _temp: TempDir,
    layout: Layout,
    git: Git,
}

impl Repo {
    fn new(below: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().join("clone");
        fs::create_dir_all(top.join(below)).unwrap();
        git(&top, &["init", "--quiet", "--initial-branch=main"]);
        for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.org"), ("commit.gpgSign", "false")] {
            git(&top, &["config", key, value]);
        }
        let layout = layout_at(&top.join(below)).unwrap();
        Self { _temp: temp, git: Git::of(&layout).unwrap(), layout }
    }

    fn top(&self) -> &Path {
        &self.layout.git.as_ref().unwrap().work_tree
    }

    fn run(&self, arguments: &[&str]) -> String {
        git(self.top(), arguments)
    }

    fn write(&self, path: &str, text: &str) {
        write_home(&self.layout.root, path, text);
    }

    /// Commits everything, at a time.
    fn commit(&self, seconds: i64) {
        self.run(&["add", "--all"]);
        let mut command = Command::new("git");
        command.env("GIT_COMMITTER_DATE", format!("{seconds} +0000")).current_dir(self.top());
        let done = command.args(["commit", "--quiet", "--allow-empty", "--message", "text"]).status().unwrap();
        assert!(done.success());
    }
}

fn write_home(root: &Path, path: &str, text: &str) {
    let path = root.join(HOME_DIR).join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn path(text: &str) -> HomePath {
    text.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn the_commit_checked_out_is_read_wherever_git_keeps_it() {
    let repo = Repo::new("");
    assert_eq!(repo.git.head_commit().unwrap(), None);
    repo.commit(1_000_000_000);
    let commit = Some(repo.run(&["rev-parse", "HEAD"]));
    assert_eq!(repo.git.head_commit().unwrap(), commit);
    repo.run(&["pack-refs", "--all"]);
    assert_eq!(repo.git.head_commit().unwrap(), commit);
    repo.run(&["worktree", "add", "--quiet", "-b", "deep/side", "../side"]);
    let side = layout_at(&repo.top().join("../side")).unwrap();
    assert_eq!(Git::of(&side).unwrap().head_commit().unwrap(), commit);
    git(&side.root, &["commit", "--quiet", "--allow-empty", "--message", "side"]);
    assert_eq!(Git::of(&side).unwrap().head_commit().unwrap(), Some(git(&side.root, &["rev-parse", "HEAD"])));
    assert_eq!(repo.git.head_commit().unwrap(), commit);
    repo.run(&["checkout", "--quiet", "--detach"]);
    assert_eq!(repo.git.head_commit().unwrap(), commit);
}

#[test]
fn a_reference_out_of_the_directory_is_not_read() {
    let repo = Repo::new("");
    fs::write(repo.top().join(".git/HEAD"), "ref: ../../secret\n").unwrap();
    fs::write(repo.top().join("../secret"), "0123456789012345678901234567890123456789").unwrap();
    assert_eq!(repo.git.head_commit().unwrap(), None);
}

#[test]
fn files_have_the_time_of_their_last_commit() {
    for below in ["", "some folder"] {
        let repo = Repo::new(below);
        assert_eq!(repo.git.commit_times(None).unwrap(), BTreeMap::new());
        repo.write(ONE, "one");
        repo.write(TWO, "two");
        repo.commit(1_000_000_000);
        repo.write(TWO, "changed");
        repo.write("config.toml", "not an issue");
        repo.commit(1_100_000_000);
        fs::write(repo.top().join("other"), "text").unwrap();
        repo.commit(1_200_000_000);
        let times = repo.git.commit_times(None).unwrap();
        let expected = BTreeMap::from([(path(ONE), at(1_000_000_000)), (path(TWO), at(1_100_000_000))]);
        assert_eq!(times, expected, "{below}");
        let wanted = BTreeSet::from([path(TWO)]);
        assert_eq!(repo.git.commit_times(Some(&wanted)).unwrap(), BTreeMap::from([(path(TWO), at(1_100_000_000))]));
        let unknown = BTreeSet::from([path(FAR)]);
        assert_eq!(repo.git.commit_times(Some(&unknown)).unwrap(), BTreeMap::new());
    }
}

#[test]
fn dirty_files_are_changed_new_staged_or_removed() {
    for below in ["", "some folder"] {
        let repo = Repo::new(below);
        for (name, text) in [(ONE, "one"), (TWO, "two"), ("issues/000/000003-k3f9.md", "three"), (FAR, "far")] {
            repo.write(name, text);
        }
        repo.commit(1_000_000_000);
        assert_eq!(repo.git.dirty_paths().unwrap(), BTreeSet::new());
        repo.write(ONE, "changed");
        repo.write("issues/000/000009-k3f9.md", "new");
        fs::remove_file(repo.layout.home.join(FAR)).unwrap();
        repo.write(TWO, "staged");
        repo.run(&["add", "--update"]);
        fs::write(repo.top().join("outside"), "text").unwrap();
        let expected = [ONE, TWO, "issues/000/000009-k3f9.md", FAR].map(path);
        assert_eq!(repo.git.dirty_paths().unwrap(), BTreeSet::from(expected), "{below}");
    }
}

#[test]
fn a_name_of_no_commit_is_told() {
    let repo = Repo::new("");
    repo.write(ONE, "one");
    for name in ["nope", "--help", "HEAD", ""] {
        let error = repo.git.issues_at(name).unwrap_err();
        assert_eq!(error.to_string(), format!("git knows no branch, tag or commit `{name}`"));
    }
    repo.commit(1_000_000_000);
    assert_eq!(repo.git.issues_at("HEAD").unwrap().len(), 1);
    for name in ["HEAD:.tickety", "HEAD^{tree}", "HEAD@{9}", "^HEAD", "HEAD..HEAD", "HEAD^2", "@{upstream}"] {
        let error = repo.git.issues_at(name).unwrap_err();
        assert!(matches!(&error, GitError::NoCommit { name: told } if told == name), "{name}: {error}");
    }
}

#[test]
fn a_pipe_in_place_of_a_file_of_git_is_not_waited_for() {
    for (name, reads_head, has_identity) in [
        ("HEAD", false, true),
        ("packed-refs", false, true),
        ("config", true, false),
        ("index", true, true),
        ("info/exclude", true, true),
        ("shallow", true, true),
        ("refs/heads/other/branch", true, true),
        ("refs/stash", true, true),
    ] {
        let repo = Repo::new("");
        repo.write(ONE, "one");
        repo.commit(1_000_000_000);
        repo.run(&["pack-refs", "--all"]);
        let path = repo.top().join(".git").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let is_told = |error: GitError| matches!(&error, GitError::Read { path: told, .. } if *told == path);
        match repo.git.head_commit() {
            Ok(head) => assert!(reads_head && head.is_some(), "{name}"),
            Err(error) => assert!(!reads_head && is_told(error), "{name}"),
        }
        match identity(&repo.layout, &[]) {
            Ok(identity) => assert!(has_identity && identity.name.as_deref() == Some("Ada"), "{name}"),
            Err(error) => assert!(!has_identity && is_told(error), "{name}"),
        }
        // Git itself would wait.
        assert!(is_told(repo.git.highest_number().unwrap_err()), "{name}");
        assert!(is_told(repo.git.dirty_paths().unwrap_err()), "{name}");
        assert!(is_told(repo.git.commit_times(None).unwrap_err()), "{name}");
        assert!(is_told(repo.git.issues_at("HEAD").unwrap_err()), "{name}");
        assert_eq!(allocate(&repo.layout, 1, None).unwrap().first.get(), 2, "{name}");
    }
}

#[test]
fn a_pipe_in_place_of_a_file_of_the_user_is_not_waited_for() {
    let repo = Repo::new("");
    let home = repo.top().join("home");
    fs::create_dir_all(home.join(".config/git")).unwrap();
    let users = |variables: &[(&str, &str)]| {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        files::users(|name| match name {
            "HOME" => Some(home.clone().into()),
            _ => variables.get(name).map(Into::into),
        })
    };
    let given = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("XDG_CONFIG_HOME", "/x"), ("GIT_CONFIG_SYSTEM", "")];
    assert_eq!(users(&given), ["/dev/null", "/x/git/ignore", "/x/git/attributes"].map(PathBuf::from));
    let dirs = repo.layout.git.as_ref().unwrap();
    for path in users(&[]) {
        files::check_all(dirs, users(&[])).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let error = files::check_all(dirs, users(&[])).unwrap_err();
        assert!(matches!(&error, GitError::Read { path: told, .. } if *told == path), "{error}");
        fs::remove_file(&path).unwrap();
    }
    files::check_all(dirs, users(&given)).unwrap();
}

#[test]
fn nothing_of_the_repository_is_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let repo = Repo::new("");
    repo.write(ONE, "one");
    repo.commit(1_000_000_000);
    repo.write(ONE, "two");
    let script = repo.top().join("../evil.sh");
    let trace = repo.top().join("../ran");
    fs::write(&script, format!("#!/bin/sh\necho \"$0\" >> '{}'\n", trace.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    for key in
        ["core.fsmonitor", "diff.external", "core.pager", "core.alternateRefsCommand", "gpg.program", "core.sshCommand"]
    {
        repo.run(&["config", key, script]);
    }
    for key in ["log.showSignature", "core.untrackedCache"] {
        repo.run(&["config", key, "true"]);
    }
    for hook in ["post-index-change", "fsmonitor-watchman", "reference-transaction"] {
        fs::copy(script, repo.top().join(".git/hooks").join(hook)).unwrap();
    }
    // The trap works.
    let _ = Command::new("git").current_dir(repo.top()).args(["-c", "core.pager=cat", "diff"]).output().unwrap();
    assert!(trace.exists());
    fs::remove_file(&trace).unwrap();
    assert_eq!(repo.git.dirty_paths().unwrap(), BTreeSet::from([path(ONE)]));
    assert_eq!(repo.git.commit_times(None).unwrap().len(), 1);
    assert_eq!(repo.git.highest_number().unwrap(), IssueNumber::new(1));
    assert!(!trace.exists(), "{}", fs::read_to_string(&trace).unwrap());
}

#[test]
fn the_environment_cannot_point_elsewhere() {
    let repo = Repo::new("");
    let command = repo.git.command(["status"]).unwrap();
    let given = command.get_envs().find_map(|(name, value)| value.filter(|_| name == "GIT_WORK_TREE"));
    assert_eq!(
        given,
        Some(repo.top().canonicalize().unwrap().as_os_str()),
        "the one of the home, whatever is configured"
    );
    let removed: BTreeSet<_> = command
        .get_envs()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name)
        .chain([OsStr::new("GIT_WORK_TREE")])
        .collect();
    // What git itself calls local to a repository.
    for name in repo.run(&["rev-parse", "--local-env-vars"]).lines() {
        assert!(removed.contains(OsStr::new(name)), "{name}");
    }
}

#[test]
fn a_failure_says_what_git_said() {
    let repo = Repo::new("");
    fs::write(repo.top().join(".git/config"), "[broken").unwrap();
    let error = repo.git.dirty_paths().unwrap_err().to_string();
    assert!(error.starts_with("git status failed") && error.contains("bad config"), "{error}");
}

#[test]
fn branches_that_are_not_checked_out_count() {
    for below in ["", "some folder"] {
        let repo = Repo::new(below);
        assert_eq!(repo.git.highest_number().unwrap(), None);
        repo.write(ONE, "one");
        repo.commit(1_000_000_000);
        assert_eq!(repo.git.highest_number().unwrap(), IssueNumber::new(1));
        repo.run(&["switch", "--quiet", "--create", "feature/x"]);
        repo.write(FAR, "far");
        // A shard without records is passed over.
        repo.write("issues/042/notes.txt", "text");
        repo.commit(1_100_000_000);
        repo.run(&["switch", "--quiet", "main"]);
        assert_eq!(repo.git.highest_number().unwrap(), IssueNumber::new(41_007));
        repo.run(&["update-ref", "refs/remotes/origin/x", "feature/x"]);
        repo.run(&["branch", "--quiet", "-D", "feature/x"]);
        assert_eq!(repo.git.highest_number().unwrap(), IssueNumber::new(41_007));
        assert_eq!(allocate(&repo.layout, 1, None).unwrap().first.get(), 41_008);
    }
}

#[test]
fn all_checkouts_draw_from_one_counter() {
    let repo = Repo::new("");
    repo.write("config.toml", "");
    repo.write(ONE, "one");
    repo.commit(1_000_000_000);
    repo.run(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = layout_at(&repo.top().join("../side")).unwrap();
    assert_eq!(side.common_state, repo.layout.common_state);
    // Not committed, and only in the other checkout.
    write_home(&side.root, FAR, "far");
    assert_eq!(allocate(&repo.layout, 1, None).unwrap().first.get(), 41_008);
    assert_eq!(allocate(&side, 1, None).unwrap().first.get(), 41_009);
    // And from the other side.
    fs::remove_file(repo.layout.counter()).unwrap();
    fs::remove_file(side.root.join(HOME_DIR).join(FAR)).unwrap();
    repo.write("issues/050/050000-k3f9.md", "main");
    assert_eq!(allocate(&side, 1, None).unwrap().first.get(), 50_001);
}

#[test]
fn the_identity_is_that_of_git() {
    let repo = Repo::new("");
    let global = repo.top().join("../global");
    fs::write(&global, "[user]\nname = Weak\nemail = weak@example.org\n").unwrap();
    let own = identity(&repo.layout, &[repo.top().join("../missing"), global.clone()]).unwrap();
    assert_eq!((own.name.as_deref(), own.email.as_deref()), (Some("Ada"), Some("ada@example.org")));
    repo.run(&["config", "--unset", "user.email"]);
    let mixed = identity(&repo.layout, std::slice::from_ref(&global)).unwrap();
    assert_eq!((mixed.name.as_deref(), mixed.email.as_deref()), (Some("Ada"), Some("weak@example.org")));
    // An included file takes git to read.
    fs::write(repo.top().join("../more"), "[user]\nname = Included\nemail = i@example.org\n").unwrap();
    repo.run(&["config", "include.path", "../../more"]);
    let included = identity(&repo.layout, &[]).unwrap();
    assert_eq!(included.name.as_deref(), Some(repo.run(&["config", "user.name"]).as_str()));
    assert_eq!(included.email.as_deref(), Some("i@example.org"));
    let plain = Layout::new(repo.top().join("../plain"), None);
    assert_eq!(identity(&plain, &[global]).unwrap().name.as_deref(), Some("Weak"));
}
