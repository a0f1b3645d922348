//! Things in the place of records and directories: links out of the home, pipes, devices. Nothing outside is read or
//! written, and nobody waits.

mod swapped;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Setting;
use super::table::{Harm, Row};
use super::template::Template;
use super::world::{World, start};
use super::writes::Kind;

/// What lies outside and is never to be seen.
const SECRET: &str = "outside-and-secret";

/// The commands that are run in each place.
const COMMANDS: [&[&str]; 11] = [
    &["list", "is:any", "--json"],
    &["show", "1", "--json"],
    &["show", "2", "--json"],
    &["search", SECRET, "--json"],
    &["edit", "1", "--title", "Edited", "--json"],
    &["comment", "1", "Commented", "--json"],
    &["close", "2", "--json"],
    &["new", "New", "--json"],
    &["delete", "1", "--yes", "--json"],
    &["index", "rebuild", "--json"],
    &["doctor", "--fix", "--json"],
];

/// What is put into a home.
type Put = fn(&Path, &Path) -> Result<()>;

/// All of it.
const PLACES: [(&str, Put); 12] = [
    ("an issue is a link to a file outside", |home, outside| link(&record(home)?, &outside.join("file.md"))),
    ("an issue is a link to another issue", |home, _| link(&record(home)?, &home.join("issues/000/000002-none.md"))),
    ("an issue is a hard link to a file outside", |home, outside| {
        let record = record(home)?;
        fs::remove_file(&record)?;
        fs::hard_link(outside.join("file.md"), &record).context("hard link")
    }),
    ("an issue is a pipe", |home, _| node(&record(home)?, &["p"])),
    ("an issue is a device without an end", |home, _| node(&record(home)?, &["c", "1", "5"])),
    ("an issue is a directory", |home, _| {
        let record = record(home)?;
        fs::remove_file(&record)?;
        fs::create_dir(&record).context("directory")
    }),
    ("a directory of issues is a link to one outside", |home, outside| link(&home.join("issues/000"), outside)),
    ("a directory of issues is a link to ..", |home, _| link(&home.join("issues/000"), Path::new(".."))),
    ("a further directory of issues is a link to one outside", |home, outside| {
        symlink(outside, home.join("issues/001")).context("link")
    }),
    ("all issues are a link to a directory outside", |home, outside| link(&home.join("issues"), outside)),
    ("the home is a link to a directory outside", |home, outside| link(home, outside)),
    ("the config is a pipe", |home, _| node(&home.join("config.toml"), &["p"])),
];

/// Puts each thing into a home of its own and runs the commands there.
pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let world = &setting.world;
    let template = Template::make(world)?;
    let mut row = Row::new("links out of the home, .., hard links, pipes, devices in place of records and directories");
    for (index, (what, put)) in PLACES.iter().enumerate() {
        let place = world.copy(&template.place, &format!("place-{index}"))?;
        let checkout = &place.checkouts[0];
        let outside = world.empty(&format!("outside-{index}"))?;
        make_outside(&outside)?;
        let clean = row.is_clean();
        if let Err(error) = put(&checkout.join(".tickety"), &outside) {
            eprintln!("faults: places: {what}: skipped: {error:#}");
            continue;
        }
        let hard = what.contains("hard link");
        let before = contents(&outside)?;
        for command in COMMANDS {
            run_one(&mut row, world, checkout, (what, command), hard)?;
        }
        if contents(&outside)? != before {
            row.harm(Harm::Otherwise, format!("{what}: something outside was written"));
        }
        if clean == row.is_clean() {
            place.remove()?;
            fs::remove_dir_all(&outside)?;
        }
    }
    let mut names = Row::new("names that lead out of the home: .., absolute, NUL in batches and imports");
    leading_out(&mut names, world, &template)?;
    Ok(vec![row, swapped::run(setting)?, names])
}

fn run_one(row: &mut Row, world: &World, checkout: &Path, (what, command): (&str, &[&str]), hard: bool) -> Result<()> {
    let answer = world.run(checkout, command)?;
    row.run();
    let case = format!("{what}: {}", command.join(" "));
    if answer.is_hung() || answer.panicked() || answer.signal().is_some() {
        row.harm(Harm::Wedged, format!("{case}: {}", answer.told()));
    }
    // What is a hard link is a file of the home as any other. The word that is searched for is in the answer.
    let tells = answer.stdout.contains(SECRET) || answer.stderr.contains(SECRET);
    if tells && !hard && !command.contains(&SECRET) {
        row.harm(Harm::Otherwise, format!("{case} tells what lies outside: {}", answer.told()));
    }
    Ok(())
}

/// Gives names to writes that would lead out of the home if anything were made of them.
fn leading_out(row: &mut Row, world: &World, template: &Template) -> Result<()> {
    let place = world.copy(&template.place, "names")?;
    let checkout = &place.checkouts[0];
    let before = around(world)?;
    let (_, sample) = Kind::Import.command("name1", 1);
    let sample = sample.context("an import reads something")?;
    let names = ["../../escaped", "/etc/escaped", "..", "1/../../escaped", "1\\u0000escaped", "$../escaped"];
    for name in names {
        let batch = format!("{{\"op\":\"update\",\"issue\":\"{name}\",\"title\":\"Escaped\"}}\n");
        let id = sample.lines().next().and_then(|line| line.split("\"id\":\"").nth(1)?.get(..36)).unwrap_or_default();
        let import = sample.replacen(id, name, 1);
        let commands: [(&[&str], &str); 3] = [
            (&["batch", "apply", "-", "--json"], &batch),
            (&["import", "jsonl", "-", "--json"], &import),
            (&["batch", "get", "--from", "-", "--json"], name),
        ];
        for (words, input) in commands {
            let answer = start(world.command(checkout, words), Some(input))?.finish()?;
            row.run();
            if answer.is_hung() || answer.panicked() || answer.signal().is_some() {
                row.harm(Harm::Wedged, format!("{name}: {}: {}", words.join(" "), answer.told()));
            }
        }
    }
    if around(world)? != before {
        row.harm(Harm::Otherwise, "something was written outside of the home");
    }
    place.remove()
}

/// Returns what lies beside the homes, by name.
fn around(world: &World) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(world.folder())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Returns the record of issue 1.
fn record(home: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(home.join("issues/000"))?.filter_map(Result::ok).map(|entry| entry.path());
    let is_record = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("000001-") && !name.contains('_')
        })
    };
    entries.find(is_record).context("issue 1 has no record")
}

/// Puts a link in the place of something, which is kept beside it where it is a directory.
fn link(path: &Path, target: &Path) -> Result<()> {
    if path.is_dir() {
        fs::rename(path, path.with_extension("aside"))?;
    } else {
        fs::remove_file(path)?;
    }
    symlink(target, path).with_context(|| path.display().to_string())
}

/// Puts a pipe or a device in the place of a file.
fn node(path: &Path, kind: &[&str]) -> Result<()> {
    fs::remove_file(path)?;
    let output = Command::new("mknod").arg(path).args(kind).output().context("could not start mknod")?;
    ensure!(output.status.success(), "mknod: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Makes what lies outside: a record, under the names that the home has, too.
fn make_outside(outside: &Path) -> Result<()> {
    fs::create_dir_all(outside.join("issues/000"))?;
    let text = format!(
        "---\ntitle: {SECRET}\nid: 019c187c-5fcb-7c92-8911-ceacae386d41\nstatus: open\npriority: medium\nkind: task\n\
         created: 2026-01-01T00:00:00Z\n---\n"
    );
    for name in ["file.md", "000001-6d41.md", "001001-6d41.md", "issues/000/000001-6d41.md"] {
        fs::write(outside.join(name), &text)?;
    }
    fs::write(outside.join("config.toml"), "format = 1\n").context("config")
}

/// Returns all files below a folder with their contents.
pub(super) fn contents(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}
