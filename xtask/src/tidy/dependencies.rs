//! What the crates may import: the arrows between them, and what each compiles in all.

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::DependencyKind;

use super::{Finding, Workspace};
use crate::program::{cargo, read};

/// What a crate may import from the workspace.
struct Layer {
    /// The crate.
    name: &'static str,
    /// The crates of the workspace it may depend on.
    may: &'static [&'static str],
    /// Those its tests may use besides.
    tests_may: &'static [&'static str],
}

const fn layer(name: &'static str, may: &'static [&'static str], tests_may: &'static [&'static str]) -> Layer {
    Layer { name, may, tests_may }
}

/// Every crate of the workspace, lowest first. A new arrow is a decision: it is added here.
const LAYERS: [Layer; 12] = [
    layer("tickety-core", &[], &[]),
    layer("tickety-cache-macros", &[], &[]),
    layer("tickety-cache", &["tickety-cache-macros"], &[]),
    layer("tickety-store", &["tickety-core"], &["tickety-testkit"]),
    layer("tickety-http", &["tickety-cache"], &[]),
    layer("tickety-engine", &["tickety-core", "tickety-store", "tickety-cache"], &["tickety-testkit"]),
    layer("tickety-api", &["tickety-core", "tickety-store", "tickety-http"], &["tickety-testkit"]),
    layer(
        "tickety-server",
        &["tickety-core", "tickety-store", "tickety-engine", "tickety-api", "tickety-cache"],
        // Its benchmark asks through it.
        &["tickety-testkit", "tickety-http"],
    ),
    layer("tickety-mcp", &["tickety-core", "tickety-store", "tickety-engine", "tickety-api"], &["tickety-testkit"]),
    layer(
        "tickety",
        &[
            "tickety-core",
            "tickety-store",
            "tickety-engine",
            "tickety-api",
            "tickety-cache",
            "tickety-http",
            "tickety-server",
            "tickety-mcp",
        ],
        &["tickety-testkit"],
    ),
    layer("tickety-testkit", &["tickety-core", "tickety-store", "tickety-engine", "tickety-api"], &[]),
    layer("xtask", &[], &[]),
];

/// The crates that see the storage traits but no store.
const WITHOUT_STORES: [&str; 4] = ["tickety-engine", "tickety-api", "tickety-server", "tickety-mcp"];

/// Checks the declared arrows between the crates.
pub(super) fn edges(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let members: BTreeSet<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &workspace.packages {
        let manifest = manifest_path(package.name.as_str());
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name.as_str()) else {
            findings.push(Finding::in_file(
                manifest,
                "has no place among the layers: give it one in xtask/src/tidy/dependencies.rs",
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| members.contains(dependency.name.as_str())) {
            let tests_only = dependency.kind == DependencyKind::Development;
            if let Some(message) = edge(layer, &dependency.name, tests_only, &dependency.features) {
                findings.push(Finding::in_file(manifest.clone(), message));
            }
        }
    }
    Ok(findings)
}

/// Says what is wrong with one arrow, if anything is.
fn edge(from: &Layer, to: &str, tests_only: bool, features: &[String]) -> Option<String> {
    let allowed = from.may.contains(&to) || tests_only && (from.tests_may.contains(&to) || from.name == to);
    if !allowed {
        return Some(format!("{} must not import {to}", from.name));
    }
    if to == "tickety-store" && !features.is_empty() && !tests_only && WITHOUT_STORES.contains(&from.name) {
        return Some(format!("{} may see the storage traits only: no feature of tickety-store", from.name));
    }
    None
}

/// What a crate, compiled with the given features, must not pull in by any way.
struct Ban {
    name: &'static str,
    features: &'static str,
    kind: &'static str,
    never: &'static [&'static str],
}

const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "futures-executor", "pollster"];
const DATABASES: &[&str] =
    &["rusqlite", "libsqlite3-sys", "sqlx", "postgres", "tokio-postgres", "deadpool-postgres", "diesel", "redis"];
const FRONTS: &[&str] = &["clap", "axum", "hyper", "rmcp"];
const SERDE: &[&str] = &["serde", "serde_core", "serde_derive", "serde_json"];

const HTTP_CLIENTS: &[&str] = &["tickety-http", "reqwest", "hyper", "tokio"];

const BANS: [Ban; 9] = [
    Ban { name: "tickety-core", features: "--all-features", kind: "an async runtime", never: RUNTIMES },
    Ban { name: "tickety-core", features: "--all-features", kind: "serde on domain types", never: SERDE },
    Ban { name: "tickety-core", features: "--all-features", kind: "a database driver", never: DATABASES },
    Ban { name: "tickety-store", features: "--no-default-features", kind: "a database driver", never: DATABASES },
    Ban { name: "tickety-store", features: "--all-features", kind: "a front", never: FRONTS },
    Ban { name: "tickety-engine", features: "--all-features", kind: "a database driver", never: DATABASES },
    Ban { name: "tickety-engine", features: "--all-features", kind: "a front", never: FRONTS },
    Ban { name: "tickety-api", features: "--all-features", kind: "a database driver", never: DATABASES },
    Ban { name: "tickety-api", features: "--no-default-features", kind: "an HTTP client", never: HTTP_CLIENTS },
];

/// Checks what the crates compile, dependencies of dependencies included.
pub(super) fn compiled(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for ban in &BANS {
        if !workspace.packages.iter().any(|package| package.name.as_str() == ban.name) {
            continue;
        }
        for name in banned(ban, &compiled_packages(ban.name, ban.features)?) {
            let message = format!("with {}, {} compiles {name}, {}", ban.features, ban.name, ban.kind);
            findings.push(Finding::in_file(manifest_path(ban.name), message));
        }
    }
    Ok(findings)
}

fn banned<'a>(ban: &Ban, compiled: &'a BTreeSet<String>) -> Vec<&'a str> {
    compiled.iter().map(String::as_str).filter(|name| ban.never.contains(name)).collect()
}

/// Returns the names of all packages that are compiled into a library.
fn compiled_packages(package: &str, features: &str) -> Result<BTreeSet<String>> {
    let tree = [
        "tree",
        "--locked",
        "--package",
        package,
        features,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let listed = read(&mut cargo(&tree))?;
    Ok(listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn manifest_path(package: &str) -> String {
    if package == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{package}/Cargo.toml") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer_of(name: &str) -> &'static Layer {
        LAYERS.iter().find(|layer| layer.name == name).unwrap()
    }

    #[test]
    fn arrows_point_down_only() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for lower in layer.may {
                let place = LAYERS.iter().position(|other| other.name == *lower);
                assert!(place.is_some_and(|place| place < index), "{} -> {lower}", layer.name);
            }
        }
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        assert!(edge(layer_of("tickety-core"), "tickety-store", false, &[]).is_some());
        assert!(edge(layer_of("tickety-engine"), "tickety", false, &[]).is_some());
        assert!(edge(layer_of("tickety-core"), "tickety-testkit", true, &[]).is_some());
        assert!(edge(layer_of("tickety"), "tickety-testkit", false, &[]).is_some());
        assert_eq!(edge(layer_of("tickety"), "tickety-testkit", true, &[]), None);
    }

    #[test]
    fn a_layer_that_turns_on_a_store_is_found() {
        let repo = ["repo".to_owned()];
        assert!(edge(layer_of("tickety-engine"), "tickety-store", false, &repo).is_some());
        assert_eq!(edge(layer_of("tickety"), "tickety-store", false, &repo), None);
        assert_eq!(edge(layer_of("tickety-engine"), "tickety-store", true, &repo), None);
    }

    #[test]
    fn what_a_store_compiles_is_seen() {
        let all = compiled_packages("tickety-store", "--all-features").unwrap();
        assert!(all.contains("tickety-core") && all.contains("libsqlite3-sys"), "{all:?}");
        let ban =
            Ban { name: "tickety-store", features: "--all-features", kind: "a database driver", never: DATABASES };
        assert_eq!(banned(&ban, &all), ["libsqlite3-sys", "rusqlite"]);
    }
}
