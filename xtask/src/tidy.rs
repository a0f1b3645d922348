//! The layout rules: what may import what, what sources may name, what manifests and documents hold.
//!
//! Every rule is a function from the workspace to its findings, and a test of its own.

mod code;
mod dependencies;
mod documents;
mod files;
mod manifests;
mod sources;

use std::fmt;

use anyhow::{Result, bail};

pub(crate) use files::Workspace;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// The file, relative to the root of the workspace.
    path: String,
    /// The line, from 1, where one is meant.
    line: Option<usize>,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn in_file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    fn at(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// A rule by its name.
type Rule = (&'static str, fn(&Workspace) -> Result<Vec<Finding>>);

const RULES: [Rule; 11] = [
    ("crates import only what their layer may", dependencies::edges),
    ("layers compile nothing that they must never import", dependencies::compiled),
    ("only compose.rs names a concrete store", sources::concrete_stores),
    ("the domain reads no file, environment or clock", sources::pure_domain),
    ("no source file is too long", sources::lengths),
    ("modules are named after what they hold", sources::module_names),
    ("nothing is left to be written", sources::placeholders),
    ("every crate is described, licensed and linted", manifests::metadata),
    ("links in documents resolve", documents::links),
    ("no file names a path of one machine", documents::machine_paths),
    ("nothing foreign lies in the root", documents::root_entries),
];

/// Checks all rules and prints what breaks them.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    for warning in sources::long_files(&workspace) {
        eprintln!("warning: {warning}");
    }
    let mut broken = 0;
    for (name, rule) in RULES {
        let findings = rule(&workspace)?;
        if !findings.is_empty() {
            broken += 1;
            eprintln!("{name}:");
        }
        for finding in findings {
            eprintln!("  {finding}");
        }
    }
    if broken > 0 {
        bail!("{broken} of {} layout rules are broken", RULES.len());
    }
    eprintln!("{} layout rules hold", RULES.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with the findings of the rule of that name.
    fn check(name: &str) {
        let (_, rule) = RULES.iter().find(|(rule, _)| *rule == name).expect("the rule is in the table");
        let findings = rule(&Workspace::load().unwrap()).unwrap();
        let shown: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "{name}:\n{}", shown.join("\n"));
    }

    macro_rules! rules {
        ($($test:ident: $name:literal,)*) => {
            $(#[test] fn $test() { check($name); })*

            #[test]
            fn every_rule_has_a_test() {
                assert_eq!(RULES.map(|(name, _)| name).as_slice(), [$($name),*]);
            }
        };
    }

    rules! {
        crates_import_only_what_their_layer_may: "crates import only what their layer may",
        layers_compile_nothing_foreign: "layers compile nothing that they must never import",
        only_compose_names_a_concrete_store: "only compose.rs names a concrete store",
        the_domain_is_pure: "the domain reads no file, environment or clock",
        no_source_file_is_too_long: "no source file is too long",
        modules_are_named_after_what_they_hold: "modules are named after what they hold",
        nothing_is_left_to_be_written: "nothing is left to be written",
        every_crate_is_described_licensed_and_linted: "every crate is described, licensed and linted",
        links_in_documents_resolve: "links in documents resolve",
        no_file_names_a_path_of_one_machine: "no file names a path of one machine",
        nothing_foreign_lies_in_the_root: "nothing foreign lies in the root",
    }
}
