//! Starts the runs and prints their figures beside each other, against what is to be reached.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tickety_store::FreshnessMode;

use crate::Options;
use crate::figures::Figures;
use crate::repository::{PAUSE, Repository};
use crate::run::{self, COLD, FILL, OUTSIDE, Way};
use crate::workload::Kind;

/// At least so many percent fewer statements and looks at files.
const FEWER: f64 = 85.0;

/// At least so many percent of the questions are answered from memory.
const HITS: f64 = 80.0;

/// At least so many times quicker is what is asked again.
const QUICKER: f64 = 10.0;

/// At the most so many nanoseconds for an issue, and for a list of a hundred.
const AGAIN: [(&str, &str, f64); 2] =
    [("again get", "an issue by its number", 1e3), ("again list", "a list of 100", 1e5)];

pub(crate) fn print(options: &Options) -> Result<()> {
    println!(
        "\nA request every {} ms; 2 % of them write; a change from outside with every {OUTSIDE}th. The first {} begin with nothing \
         in memory; then come {} that aren't counted, and {} of a process that has been there for a while. Every run has a process and \
         a repository of its own.",
        PAUSE.as_millis(),
        whole(COLD.into()),
        whole(FILL.into()),
        whole(options.requests.into()),
    );
    for freshness in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let mut runs = Vec::new();
        for way in Way::ALL {
            eprintln!("{} issues, {freshness}: {}", options.size, way.as_str());
            runs.push(start(options, freshness, way)?);
        }
        let [alone, cached, ahead] = &runs[..] else { unreachable!("as many as there are ways") };
        let title =
            |what: &str| println!("\n{} issues, freshness `{freshness}`: {what}\n", whole(f64::from(options.size)));
        title("a process that has been there for a while");
        effort(alone, cached, "warm");
        title("its start");
        effort(alone, cached, "cold");
        title("where it goes, after the start");
        questions(alone, cached);
        title("the same again");
        again(alone, cached);
        title("reading ahead what an issue links to");
        reading_ahead(cached, ahead);
    }
    Ok(())
}

/// Generates a repository, and runs the workload in a process of its own, which has no memory left over from that.
fn start(options: &Options, freshness: FreshnessMode, way: Way) -> Result<Figures> {
    let folder = run::folder(options, freshness, way);
    Repository::generate(&folder, options.seed, options.size)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--dir").arg(&options.folder);
    command.args(["--size", &options.size.to_string(), "--seed", &options.seed.to_string()]);
    command.args(["--requests", &options.requests.to_string(), "--only", freshness.as_str(), way.as_str()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the run `{}` failed", way.as_str());
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Figures::parse(&String::from_utf8(output.stdout)?)
}

fn effort(alone: &Figures, cached: &Figures, part: &str) {
    // What a run took at its start says nothing of one that stays.
    let judged = |reached: bool, target: String| {
        if part == "warm" { [target, verdict(reached)] } else { [String::new(), String::new()] }
    };
    head(&["", "alone", "cached", "", "target", ""]);
    for (name, figure) in
        [("statements", "statements"), ("looks at files (statx)", "looked at"), ("files read", "read")]
    {
        let (before, after) = (sum(alone, part, figure, |_| true), sum(cached, part, figure, |_| true));
        let fewer = 100.0 - percent(after, before);
        let change = if fewer < 0.0 { format!("{:.1} % more", -fewer) } else { format!("{fewer:.1} % fewer") };
        let [target, verdict] = judged(fewer >= FEWER, format!("{FEWER:.0} %"));
        row(&[name.to_owned(), whole(before), whole(after), change, target, verdict]);
    }
    let (asked, hits) = (sum(cached, part, "count", Kind::is_question), hit_rate(cached, part));
    let [target, verdict] = judged(hits > HITS, format!("{HITS:.0} %"));
    let cells = [format!("{} questions, from memory", whole(asked)), String::new(), format!("{hits:.1} %")];
    row(&[&cells[..], &[String::new(), target, verdict]].concat());
    let (before, after) = (sum(alone, part, "total", |_| true), sum(cached, part, "total", |_| true));
    let quicker = format!("{:.1} × quicker", before / after);
    row(&["time to answer all".to_owned(), time(before), time(after), quicker, String::new(), String::new()]);
    if part == "warm" {
        row(&[
            "growth of the process".to_owned(),
            megabytes(alone.get("growth")),
            megabytes(cached.get("growth")),
            format!("{} issues, {} answers", whole(cached.get("issues kept")), whole(cached.get("answers kept"))),
            String::new(),
            String::new(),
        ]);
    }
}

fn questions(alone: &Figures, cached: &Figures) {
    head(&[
        "question",
        "asked",
        "from memory",
        "statements alone",
        "cached",
        "files read alone",
        "cached",
        "median alone",
        "cached",
        "p95 alone",
        "cached",
    ]);
    for kind in Kind::ALL {
        let of = |figures: &Figures, what: &str| figures.get(&format!("warm {} {what}", kind.as_str()));
        let count = of(cached, "count");
        if count == 0.0 {
            continue;
        }
        let hits = 100.0 - percent(of(cached, "loaded"), count);
        row(&[
            kind.as_str().to_owned(),
            whole(count),
            if kind.is_question() { format!("{hits:.1} %") } else { String::new() },
            whole(of(alone, "statements")),
            whole(of(cached, "statements")),
            whole(of(alone, "read")),
            whole(of(cached, "read")),
            time(of(alone, "p50")),
            time(of(cached, "p50")),
            time(of(alone, "p95")),
            time(of(cached, "p95")),
        ]);
    }
}

fn again(alone: &Figures, cached: &Figures) {
    head(&["", "alone", "cached", "", "target", ""]);
    for (figure, name, limit) in AGAIN {
        let (before, after) = (alone.get(figure), cached.get(figure));
        row(&[
            name.to_owned(),
            time(before),
            time(after),
            format!("{:.0} × quicker", before / after),
            format!("{}, {QUICKER:.0} ×", time(limit)),
            verdict(after < limit && before >= QUICKER * after),
        ]);
    }
}

fn reading_ahead(cached: &Figures, ahead: &Figures) {
    type Cell<'a> = &'a dyn Fn(&Figures) -> String;
    head(&["after the start", "cached", "and what an issue links to"]);
    let all = |figures: &Figures, what: &str| sum(figures, "warm", what, |_| true);
    let rows: [(&str, Cell<'_>); 6] = [
        ("`get` answered from memory", &|figures| {
            format!("{:.1} %", 100.0 - percent(figures.get("warm get loaded"), figures.get("warm get count")))
        }),
        ("time to answer all", &|figures| time(sum(figures, "warm", "total", |kind| kind != Kind::Ahead))),
        ("time to read ahead", &|figures| time(sum(figures, "warm", "total", |kind| kind == Kind::Ahead))),
        ("statements", &|figures| whole(all(figures, "statements"))),
        ("files read", &|figures| whole(all(figures, "read"))),
        ("growth of the process", &|figures| megabytes(figures.get("growth"))),
    ];
    for (name, cell) in rows {
        row(&[name.to_owned(), cell(cached), cell(ahead)]);
    }
}

/// Returns how many percent of the questions the store wasn't asked for.
fn hit_rate(figures: &Figures, part: &str) -> f64 {
    let [loaded, count] = ["loaded", "count"].map(|what| sum(figures, part, what, Kind::is_question));
    100.0 - percent(loaded, count)
}

/// Adds up a figure of a part of the run.
fn sum(figures: &Figures, part: &str, what: &str, counts: fn(Kind) -> bool) -> f64 {
    let kinds = Kind::ALL.into_iter().filter(|kind| counts(*kind));
    kinds.map(|kind| figures.get(&format!("{part} {} {what}", kind.as_str()))).sum()
}

fn percent(part: f64, of: f64) -> f64 {
    100.0 * part / of.max(1.0)
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

fn head(cells: &[&str]) {
    row(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    println!("|{}", " --- |".repeat(cells.len()));
}

fn verdict(reached: bool) -> String {
    if reached { "reached" } else { "**missed**" }.to_owned()
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// Prints a count with commas.
fn whole(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Prints a time in nanoseconds with three significant figures.
fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        small if small < 1e3 => (small, "ns"),
        medium if medium < 1e6 => (medium / 1e3, "µs"),
        large if large < 1e9 => (large / 1e6, "ms"),
        long => (long / 1e9, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}
