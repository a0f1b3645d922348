//! Every input that is kept for a fuzz target is tried.

use std::fs;
use std::path::{Path, PathBuf};

use tickety_testkit::fuzzing::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names in a folder, in order; none if there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[test]
fn every_input_of_the_corpus_and_all_that_was_found_pass() {
    for (name, target) in TARGETS {
        let mut seeds = 0;
        for folder in ["corpus", "found"] {
            let folder = fuzz().join(folder).join(name);
            for input in names(&folder) {
                // The name is what a failure has to tell.
                eprintln!("{folder}/{input}", folder = folder.display());
                target(&fs::read(folder.join(&input)).unwrap());
                seeds += 1;
            }
        }
        assert!(seeds >= 3, "{name} has {seeds} inputs");
    }
}

#[test]
fn every_target_is_a_program_and_has_a_corpus() {
    let mut targets = TARGETS.map(|(name, _)| name);
    targets.sort();
    let programs = names(&fuzz().join("fuzz_targets"));
    assert_eq!(programs, targets.map(|name| format!("{name}.rs")));
    assert_eq!(names(&fuzz().join("corpus")), targets);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n")), "{name}");
    }
}
