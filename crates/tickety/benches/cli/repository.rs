//! The repository that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use tickety_store::repo::discovery::layout_at;

use crate::Options;
use crate::process::Place;
use crate::rounds::print_figure;
use crate::words::Words;

/// A generated repository and what is known of it.
#[derive(Debug)]
pub(crate) struct Repository {
    /// Where commands run.
    pub(crate) place: Place,
    /// The distributed binary.
    pub(crate) binary: PathBuf,
    /// A program that does nothing.
    pub(crate) noop: PathBuf,
    /// How many issues it has.
    pub(crate) size: u32,
    /// The records, by folder: its path and the names in it.
    pub(crate) records: Vec<(PathBuf, Vec<PathBuf>)>,
    /// What to search for.
    pub(crate) words: Words,
}

impl Repository {
    /// Makes one as a user would: with `tickety demo`.
    pub(crate) fn generate(options: &Options) -> Result<Self> {
        let home = options.folder.join("home");
        fs::create_dir_all(&home)?;
        fs::write(home.join(".gitconfig"), "[user]\n\tname = Bench\n\temail = bench@example.org\n")?;
        let folder = options.folder.join(options.size.to_string());
        let outside = Place { folder: options.folder.clone(), home: home.clone() };
        let (size, seed) = (options.size.to_string(), options.seed.to_string());
        let target = folder.to_str().context("the folder's path is not UTF-8")?;
        eprintln!("{size} issues: generating");
        let begin = Instant::now();
        outside.read(&options.binary, &["demo", "--issues", &size, "--seed", &seed, "--dir", target])?;
        print_figure("demo", begin.elapsed().as_secs_f64() * 1e3);

        let records = records(&folder)?;
        let words = Words::choose(&records)?;
        let place = Place { folder, home };
        Ok(Self {
            place,
            binary: options.binary.clone(),
            noop: options.noop.clone(),
            size: options.size,
            records,
            words,
        })
    }

    /// Lists the records as they are now.
    pub(crate) fn list_records(&self) -> Result<Vec<(PathBuf, Vec<PathBuf>)>> {
        records(&self.place.folder)
    }

    /// Returns the index database.
    pub(crate) fn index(&self) -> Result<PathBuf> {
        Ok(layout_at(&self.place.folder)?.index())
    }
}

/// Lists the records by folder.
fn records(folder: &Path) -> Result<Vec<(PathBuf, Vec<PathBuf>)>> {
    let mut shards = Vec::new();
    let issues = folder.join(".tickety/issues");
    for shard in fs::read_dir(&issues).with_context(|| issues.display().to_string())? {
        let shard = shard?.path();
        let mut names = Vec::new();
        for entry in fs::read_dir(&shard)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == "md") {
                names.push(name);
            }
        }
        names.sort();
        shards.push((shard, names));
    }
    ensure!(!shards.is_empty(), "{} holds no issues", issues.display());
    shards.sort();
    Ok(shards)
}
