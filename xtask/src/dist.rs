//! The distributed binary, static, small, and quick to start, and beside it the program with the server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::program;

mod order;

/// Functions that were inlined meanwhile, or belong to what valgrind pretends the processor to be.
const WITHOUT_WARNINGS: &str = "link-arg=-Wl,--no-warn-symbol-ordering";

/// The platform the binary is built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A static program needs no loader, and one that isn't position-independent needs no relocation.
const RUSTFLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// The most the binary may weigh, in bytes.
pub(crate) const MOST_BYTES: u64 = 10_000_000;

/// Returns cargo, to compile as the distributed binary is.
///
/// Given explicitly, the platform keeps the flags away from build scripts and procedural macros.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program::cargo(arguments);
    command.args(["--locked", "--profile", "dist", "--target", TARGET]).env("RUSTFLAGS", RUSTFLAGS);
    command
}

/// The program with the server in it, which the small one starts for `tickety serve`.
const SERVER: &str = "tickety-server";

/// What the small binary is compiled without.
const SMALL: &[&str] = &["--no-default-features"];

/// Builds the binary, checks that it is static and small, and returns where it lies.
pub(crate) fn build() -> Result<String> {
    let path = built();
    if program::installed("valgrind") {
        link(SMALL, &["strip=none"])?;
        let order = order::trace(&path, &program::target().join("order"))?;
        let first = format!("link-arg=-Wl,--symbol-ordering-file={}", order.display());
        link(SMALL, &["strip=symbols", &first, WITHOUT_WARNINGS])?;
    } else {
        eprintln!("valgrind is not installed: functions stay where the compiler put them, and commands start later");
        link(SMALL, &["strip=symbols"])?;
    }
    let size = size_of_static(&path).with_context(|| format!("{}", path.display()))?;
    eprintln!("static, {:.2} MB of at most {:.0} MB", size as f64 / 1e6, MOST_BYTES as f64 / 1e6);
    if size > MOST_BYTES {
        bail!("{} weighs {size} bytes, more than {MOST_BYTES}", path.display());
    }
    Ok(keep(&path, "tickety")?.display().to_string())
}

/// Builds the binary and, to lie beside it, the program with the server; checks that the one finds the other.
/// Returns where the binary lies.
pub(crate) fn build_both() -> Result<String> {
    let small = build()?;
    let path = built();
    // How quickly a server starts matters little: its functions lie where the compiler puts them.
    link(&[], &["strip=symbols"])?;
    let size = size_of_static(&path).with_context(|| format!("{}", path.display()))?;
    eprintln!("{SERVER}: static, {:.2} MB", size as f64 / 1e6);
    let server = keep(&path, SERVER)?;
    let help = |program: &Path| program::read(Command::new(program).args(["serve", "--help"]));
    if help(Path::new(&small))? != help(&server)? {
        bail!("`{small} serve` is not {SERVER}");
    }
    Ok(small)
}

/// Returns where cargo puts what it builds.
fn built() -> PathBuf {
    program::target().join(TARGET).join("dist").join("tickety")
}

/// Copies a program away: cargo puts other builds of it, such as that of a benchmark, where it put this one.
fn keep(path: &Path, name: &str) -> Result<PathBuf> {
    let kept = program::target().join(name);
    std::fs::copy(path, &kept).with_context(|| format!("could not copy {}", path.display()))?;
    Ok(kept)
}

fn link(features: &[&str], options: &[&str]) -> Result<()> {
    let mut command = cargo(&["rustc", "--package", "tickety", "--bin", "tickety"]);
    command.args(features).arg("--").args(options.iter().flat_map(|option| ["-C", option]));
    program::run(&mut command)
}

/// Returns how many bytes a program has that has to be static.
fn size_of_static(path: &Path) -> Result<u64> {
    let bytes = std::fs::read(path).context("could not read the binary")?;
    if let Some(loader) = interpreter(&bytes).context("not an ELF program")? {
        bail!("is not static: it asks for {loader}");
    }
    Ok(bytes.len() as u64)
}

/// Returns the loader that a little-endian 64-bit ELF program asks for (its `PT_INTERP` segment).
/// `None` where the bytes are no such program.
fn interpreter(bytes: &[u8]) -> Option<Option<String>> {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, width: usize| -> Option<u64> {
        let field = bytes.get(at..at.checked_add(width)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(number(0x20, 8)?).ok()?;
    let entry_size = usize::try_from(number(0x36, 2)?).ok()?;
    let entries = usize::try_from(number(0x38, 2)?).ok()?;
    for entry in 0..entries {
        let header = table.checked_add(entry.checked_mul(entry_size)?)?;
        if number(header, 4)? == PT_INTERP {
            let begin = usize::try_from(number(header + 8, 8)?).ok()?;
            let length = usize::try_from(number(header + 32, 8)?).ok()?;
            let name = bytes.get(begin..begin.checked_add(length)?)?;
            return Some(Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::interpreter;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", target_endian = "little"))]
    fn the_loader_of_a_dynamic_program_is_found() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let loader = interpreter(&own).expect("test programs are ELF").expect("test programs are dynamic");
        assert!(loader.contains("ld-linux"), "{loader}");
    }

    #[test]
    fn a_text_is_no_program() {
        assert_eq!(interpreter(b"#!/bin/sh\n"), None);
        assert_eq!(interpreter(b"\x7fELF\x02\x01"), None);
    }
}
