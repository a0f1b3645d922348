//! Finds the home and the git directories around a folder by reading files; git is never started.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::read_foreign_text;
use super::layout::{CONFIG_FILE, GitDirs, HOME_DIR, ISSUES_DIR, Layout};

/// Finds the home of a folder: the nearest `.tickety/config.toml` there or above, but not beyond
/// the root of the work tree that the folder is in.
///
/// A nearer `.tickety` that holds issues and no configuration is not passed over: writes meant for
/// it would end up in another home.
///
/// A home that all work trees of the clone share takes the place of one at the root of the work tree, which may be left
/// on branches from before it was moved.
///
/// `start` is made absolute and its links are resolved.
pub fn discover(start: &Path) -> Result<Layout, DiscoveryError> {
    let start = fs::canonicalize(start).map_err(|source| DiscoveryError::Read { path: start.to_owned(), source })?;
    let mut home = None;
    let mut unconfigured = None;
    let mut broken: Option<&Path> = None;
    for dir in start.ancestors() {
        if home.is_none() && broken.is_none() {
            match look_for_home(dir)? {
                Found::Nothing => {}
                Found::Home => home = Some(dir),
                Found::WithoutConfig { has_issues: true } => broken = Some(dir),
                Found::WithoutConfig { has_issues: false } => drop(unconfigured.get_or_insert(dir)),
            }
        }
        if let Some(git) = git_dirs(dir)? {
            let is_own = |found: &Path| found == dir || found == git.clone_home();
            if home.is_none_or(is_own)
                && broken.is_none_or(is_own)
                && let Some(layout) = clone_home(&git)?
            {
                return Ok(layout);
            }
            if let Some(dir) = broken {
                return Err(DiscoveryError::NoConfig { home: dir.join(HOME_DIR) });
            }
            return match (home, unconfigured) {
                (Some(root), _) => Ok(Layout::new(root.to_owned(), Some(git))),
                (None, Some(dir)) => Err(DiscoveryError::NoConfig { home: dir.join(HOME_DIR) }),
                (None, None) => Err(DiscoveryError::NoHome {
                    outside: dir
                        .ancestors()
                        .skip(1)
                        .find(|dir| matches!(look_for_home(dir), Ok(Found::Home)))
                        .map(Path::to_owned),
                    limit: Some(dir.to_owned()),
                    start,
                }),
            };
        }
    }
    match (home, broken.or(unconfigured)) {
        (Some(root), _) => Ok(Layout::new(root.to_owned(), None)),
        (None, Some(dir)) => Err(DiscoveryError::NoConfig { home: dir.join(HOME_DIR) }),
        (None, None) => Err(DiscoveryError::NoHome { start, limit: None, outside: None }),
    }
}

/// Lays out the home that a folder has or is about to get, without looking for one above it.
pub fn layout_at(root: &Path) -> Result<Layout, DiscoveryError> {
    let root = fs::canonicalize(root).map_err(|source| DiscoveryError::Read { path: root.to_owned(), source })?;
    let git = work_tree(&root)?;
    Ok(Layout::new(root, git))
}

/// Finds the git directories of the work tree that an absolute path is in.
pub fn work_tree(path: &Path) -> Result<Option<GitDirs>, DiscoveryError> {
    for dir in path.ancestors() {
        if let Some(git) = git_dirs(dir)? {
            return Ok(Some(git));
        }
    }
    Ok(None)
}

/// Finds the git directory that an absolute path is, or lies in, unless a work tree in there is nearer: that of a bare
/// repository, or the `.git` of another one.
pub fn enclosing_git_dir(path: &Path) -> Result<Option<PathBuf>, DiscoveryError> {
    // As git tells one.
    let is_one = |dir: &Path| dir.join("HEAD").is_file() && dir.join("objects").is_dir() && dir.join("refs").is_dir();
    for dir in path.ancestors() {
        if git_dirs(dir)?.is_some() {
            return Ok(None);
        }
        if is_one(dir) {
            return Ok(Some(dir.to_owned()));
        }
    }
    Ok(None)
}

/// Lays out the home that all work trees of a clone share, if it has one.
pub fn clone_home(checkout: &GitDirs) -> Result<Option<Layout>, DiscoveryError> {
    let root = checkout.clone_home();
    match look_for_home(&root)? {
        Found::Nothing => Ok(None),
        Found::WithoutConfig { .. } => Err(DiscoveryError::NoConfig { home: root.join(HOME_DIR) }),
        Found::Home => Ok(Some(Layout::of_clone(checkout.clone(), git_dirs(&root)?))),
    }
}

/// What a folder has of a home.
enum Found {
    Nothing,
    Home,
    WithoutConfig { has_issues: bool },
}

/// Looks for a home in a folder. One that is a link is refused: what it points to may lie outside
/// of the repository.
fn look_for_home(dir: &Path) -> Result<Found, DiscoveryError> {
    let home = dir.join(HOME_DIR);
    // What may not be looked at is there.
    let is_there = |name: &str| match home.join(name).symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    };
    match fs::symlink_metadata(&home) {
        Ok(found) if found.is_symlink() => Err(DiscoveryError::LinkedHome { path: home }),
        Ok(found) if found.is_dir() && is_there(CONFIG_FILE) => Ok(Found::Home),
        Ok(found) if found.is_dir() => Ok(Found::WithoutConfig { has_issues: is_there(ISSUES_DIR) }),
        Ok(_) | Err(_) => Ok(Found::Nothing),
    }
}

/// Returns the git directories of a folder, if it is the root of a work tree.
fn git_dirs(dir: &Path) -> Result<Option<GitDirs>, DiscoveryError> {
    let dot_git = dir.join(".git");
    let git_dir = match fs::metadata(&dot_git) {
        Ok(found) if found.is_dir() => dot_git,
        Ok(found) if found.is_file() => linked_git_dir(dir, &dot_git)?,
        _ => return Ok(None),
    };
    // What git asks for, too: an empty `.git` doesn't make a folder a work tree.
    if git_dir.join("HEAD").symlink_metadata().is_err() {
        return Ok(None);
    }
    let common_dir = match read_short(&git_dir.join("commondir")) {
        Ok(text) => resolve(&git_dir, text.trim_end_matches(['\n', '\r'])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => git_dir.clone(),
        Err(source) => return Err(DiscoveryError::Read { path: git_dir.join("commondir"), source }),
    };
    Ok(Some(GitDirs { work_tree: dir.to_owned(), git_dir, common_dir }))
}

/// Reads a `.git` file, as linked work trees and submodules have it.
fn linked_git_dir(dir: &Path, dot_git: &Path) -> Result<PathBuf, DiscoveryError> {
    let text = read_short(dot_git).map_err(|source| DiscoveryError::Read { path: dot_git.to_owned(), source })?;
    let broken = |target: &Path| DiscoveryError::BrokenGitFile { path: dot_git.to_owned(), target: target.to_owned() };
    let target = text
        .strip_prefix("gitdir: ")
        .map(|target| resolve(dir, target.trim_end_matches(['\n', '\r'])))
        .ok_or_else(|| broken(Path::new("")))?;
    if target.is_dir() { Ok(target) } else { Err(broken(&target)) }
}

/// Joins a path as git writes it and takes the `..` out where the result exists, so that one
/// directory has one name.
fn resolve(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    fs::canonicalize(&joined).unwrap_or(joined)
}

/// Reads one of git's small files.
fn read_short(path: &Path) -> io::Result<String> {
    read_foreign_text(path, 64 << 10)
}

/// Why no home was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// There is none.
    #[error("no {HOME_DIR}/{CONFIG_FILE} in {} or {}: run `tickety init`{}", start.display(), searched(limit.as_deref()), elsewhere(outside.as_deref()))]
    NoHome {
        /// Where the search began.
        start: PathBuf,
        /// The root of the work tree that ended it.
        limit: Option<PathBuf>,
        /// The nearest folder beyond that has a home.
        outside: Option<PathBuf>,
    },
    /// A home without its configuration.
    #[error("{} has no {CONFIG_FILE}", home.display())]
    NoConfig {
        /// The home.
        home: PathBuf,
    },
    /// `.tickety` is a symbolic link.
    #[error("{} {LINKED}", path.display())]
    LinkedHome {
        /// The link.
        path: PathBuf,
    },
    /// A `.git` file that leads nowhere.
    #[error("{} {}", path.display(), broken(target))]
    BrokenGitFile {
        /// The `.git` file.
        path: PathBuf,
        /// Where it points to.
        target: PathBuf,
    },
    /// A path can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What is wrong with a home that is a link.
pub(super) const LINKED: &str = "is a symbolic link: a home must be a directory of its own";

/// Says what is wrong with a `.git` file.
pub(super) fn broken(target: &Path) -> String {
    format!("names no git directory (`{}` is missing): run `git worktree repair` in the main clone", target.display())
}

fn searched(limit: Option<&Path>) -> String {
    match limit {
        Some(limit) => format!("above it up to the root of the work tree, {}", limit.display()),
        None => "any folder above it".to_owned(),
    }
}

fn elsewhere(outside: Option<&Path>) -> String {
    outside
        .map_or_else(String::new, |dir| format!(" (there is a home in {}, outside of this work tree)", dir.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use tempfile::TempDir;

    use super::super::layout::HomeKind;
    use super::*;

    fn folder() -> (TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        (temp, root)
    }

    fn make_home(root: &Path) {
        create_dir_all(root.join(".tickety")).unwrap();
        write(root.join(".tickety/config.toml"), "").unwrap();
    }

    fn make_git(dir: &Path) {
        create_dir_all(dir).unwrap();
        write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    #[test]
    fn a_plain_folder_is_found_from_below() {
        let (_temp, root) = folder();
        make_home(&root);
        create_dir_all(root.join("a/b")).unwrap();
        let layout = discover(&root.join("a/b")).unwrap();
        assert_eq!(layout, Layout::new(root, None));
    }

    #[test]
    fn a_work_tree_is_found_from_below() {
        let (_temp, root) = folder();
        make_home(&root);
        make_git(&root.join(".git"));
        create_dir_all(root.join("src")).unwrap();
        let layout = discover(&root.join("src")).unwrap();
        assert_eq!(layout.root, root);
        assert_eq!(layout.state, root.join(".git/tickety"));
        assert_eq!(layout.common_state, root.join(".git/tickety"));
    }

    #[test]
    fn a_linked_work_tree_shares_the_common_state() {
        let (_temp, root) = folder();
        let git = root.join("main/.git");
        make_git(&git);
        make_git(&git.join("worktrees/side"));
        write(git.join("worktrees/side/commondir"), "../..\n").unwrap();
        let side = root.join("side");
        make_home(&side);
        write(side.join(".git"), format!("gitdir: {}\n", git.join("worktrees/side").display())).unwrap();
        let layout = discover(&side).unwrap();
        assert_eq!(layout.state, git.join("worktrees/side/tickety"));
        assert_eq!(layout.common_state, git.join("tickety"));
    }

    #[test]
    fn a_submodule_with_a_relative_git_file_has_its_own_state() {
        let (_temp, root) = folder();
        make_home(&root);
        make_git(&root.join(".git"));
        make_git(&root.join(".git/modules/sub"));
        let sub = root.join("sub");
        make_home(&sub);
        write(sub.join(".git"), "gitdir: ../.git/modules/sub\n").unwrap();
        let layout = discover(&sub).unwrap();
        assert_eq!(layout.root, sub);
        assert_eq!(layout.common_state, root.join(".git/modules/sub/tickety"));
    }

    #[test]
    fn the_search_ends_at_the_root_of_the_work_tree() {
        let (_temp, root) = folder();
        make_home(&root);
        let inner = root.join("inner");
        make_git(&inner.join(".git"));
        let error = discover(&inner).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, DiscoveryError::NoHome { outside: Some(_), .. }), "{text}");
        assert!(text.contains("tickety init") && text.contains("outside of this work tree"), "{text}");
    }

    #[test]
    fn the_nearest_home_wins_and_keys_its_state() {
        let (_temp, root) = folder();
        make_home(&root);
        make_git(&root.join(".git"));
        make_home(&root.join("sub"));
        let layout = discover(&root.join("sub")).unwrap();
        assert_eq!(layout.root, root.join("sub"));
        assert!(layout.state.starts_with(root.join(".git/tickety/homes")));
    }

    #[test]
    fn a_home_without_its_config_is_not_passed_over() {
        let (_temp, root) = folder();
        make_home(&root);
        let sub = root.join("sub");
        create_dir_all(sub.join(".tickety/issues")).unwrap();
        let lost = |error: &DiscoveryError| matches!(error, DiscoveryError::NoConfig { home } if *home == sub.join(".tickety"));
        let error = discover(&sub).unwrap_err();
        assert!(lost(&error), "{error}");
        // Without issues it is nothing to lose, unless it is all there is.
        fs::remove_dir(sub.join(".tickety/issues")).unwrap();
        assert_eq!(discover(&sub).unwrap().root, root);
        fs::remove_file(root.join(".tickety/config.toml")).unwrap();
        fs::remove_dir(root.join(".tickety")).unwrap();
        let error = discover(&sub).unwrap_err();
        assert!(lost(&error), "{error}");
        make_git(&root.join(".git"));
        let error = discover(&sub).unwrap_err();
        assert!(lost(&error), "{error}");
    }

    #[test]
    fn a_home_of_the_clone_is_found_from_all_its_work_trees() {
        let (_temp, root) = folder();
        let (main, side) = (root.join("main"), root.join("side"));
        let git = main.join(".git");
        make_git(&git);
        make_git(&git.join("worktrees/side"));
        write(git.join("worktrees/side/commondir"), "../..\n").unwrap();
        create_dir_all(side.join("src")).unwrap();
        write(side.join(".git"), format!("gitdir: {}\n", git.join("worktrees/side").display())).unwrap();
        make_home(&main);
        make_home(&side.join("nested"));
        let home = git.join("tickety/home");
        make_home(&home);
        for start in [&main, &side.join("src"), &home] {
            let layout = discover(start).unwrap();
            assert_eq!((layout.kind, &layout.root), (HomeKind::Local, &home), "{}", start.display());
            assert_eq!((&layout.state, &layout.common_state), (&home.join(".tickety/local"), &git.join("tickety")));
            assert_eq!(layout.git, None);
        }
        assert_eq!(discover(&side.join("src")).unwrap().checkout.unwrap().work_tree, side);
        assert_eq!(discover(&side.join("nested")).unwrap().root, side.join("nested"), "it is nearer");
        // With a branch of its own.
        make_git(&git.join("worktrees/tickety-home"));
        write(git.join("worktrees/tickety-home/commondir"), "../..\n").unwrap();
        write(home.join(".git"), format!("gitdir: {}\n", git.join("worktrees/tickety-home").display())).unwrap();
        let layout = discover(&side).unwrap();
        assert_eq!((layout.kind, &layout.root), (HomeKind::Branch, &home));
        assert_eq!(layout.state, git.join("worktrees/tickety-home/tickety"));
        assert_eq!(layout.common_state, git.join("tickety"));
        assert_eq!(layout.below_work_tree(), Path::new(""));
    }

    #[test]
    fn a_linked_home_is_refused() {
        let (_temp, root) = folder();
        make_home(&root.join("elsewhere"));
        create_dir_all(root.join("repo")).unwrap();
        std::os::unix::fs::symlink(root.join("elsewhere/.tickety"), root.join("repo/.tickety")).unwrap();
        assert!(matches!(discover(&root.join("repo")), Err(DiscoveryError::LinkedHome { .. })));
    }

    #[test]
    fn a_broken_git_file_is_named() {
        let (_temp, root) = folder();
        make_home(&root);
        for text in ["gitdir: /nowhere/at/all\n", "nonsense"] {
            write(root.join(".git"), text).unwrap();
            let error = discover(&root).unwrap_err();
            assert!(matches!(error, DiscoveryError::BrokenGitFile { .. }), "{error}");
            assert!(error.to_string().contains(".git names no git directory"), "{error}");
        }
    }

    #[test]
    fn an_empty_git_directory_is_no_work_tree() {
        let (_temp, root) = folder();
        make_home(&root);
        create_dir_all(root.join(".git")).unwrap();
        assert_eq!(discover(&root).unwrap().git, None);
    }
}
