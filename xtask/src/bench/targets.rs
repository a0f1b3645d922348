//! What the command line must reach: each figure against limits that were measured in the same run.

use std::collections::BTreeMap;

use super::figures::{Figures, shown};

/// The figures of every repository, by its number of issues.
pub(super) type BySize = BTreeMap<u32, Figures>;

/// The repositories a target holds for.
#[derive(Clone, Copy, Debug)]
enum At {
    /// All of them.
    Every,
    /// Those of this size.
    Only(u32),
}

/// (figure - `less`) / `limit` is at most `factor`.
#[derive(Clone, Copy, Debug)]
struct Target {
    figure: &'static str,
    at: At,
    less: &'static [(f64, &'static str)],
    limit: &'static [(f64, &'static str)],
    factor: f64,
    /// The target in words; S is what starting a static program that does nothing takes.
    words: &'static str,
}

const S: &[(f64, &str)] = &[(1.0, "spawn")];
const TWO_S: &[(f64, &str)] = &[(2.0, "spawn")];
const DURABLE: &[(f64, &str)] = &[(1.0, "fdatasync"), (1.0, "spawn (writes)")];

const fn target(
    figure: &'static str,
    at: At,
    factor: f64,
    limit: &'static [(f64, &'static str)],
    words: &'static str,
) -> Target {
    Target { figure, at, less: &[], limit, factor, words }
}

const fn ranked(figure: &'static str, limit: &'static [(f64, &'static str)]) -> Target {
    Target { figure, at: At::Every, less: TWO_S, limit, factor: 1.3, words: "1.3 × the FTS5 query + 2 S" }
}

const TARGETS: [Target; 17] = [
    target("show", At::Every, 2.0, S, "2 S"),
    target("list trust", At::Only(100_000), 2.5, S, "2.5 S"),
    target("filter trust", At::Only(100_000), 2.5, S, "2.5 S"),
    target("ready trust", At::Only(100_000), 2.5, S, "2.5 S"),
    target("list verify", At::Only(10_000), 1.25, &[(1.0, "list trust"), (1.0, "scan")], "1.25 × (trust + scan)"),
    target("filter verify", At::Only(10_000), 1.25, &[(1.0, "filter trust"), (1.0, "scan")], "1.25 × (trust + scan)"),
    target("ready verify", At::Only(10_000), 1.25, &[(1.0, "ready trust"), (1.0, "scan")], "1.25 × (trust + scan)"),
    target("search common trust", At::Only(100_000), 3.0, S, "3 S"),
    target("search usual trust", At::Only(100_000), 3.0, S, "3 S"),
    target("search rare trust", At::Only(100_000), 3.0, S, "3 S"),
    ranked("ranked common", &[(1.0, "fts common")]),
    ranked("ranked usual", &[(1.0, "fts usual")]),
    ranked("ranked rare", &[(1.0, "fts rare")]),
    target("create", At::Every, 3.0, DURABLE, "3 fdatasync + 3 S"),
    target("update", At::Every, 3.0, DURABLE, "3 fdatasync + 3 S"),
    target("rebuild", At::Every, 2.0, &[(1.0, "parse and insert")], "2 × (parse + insert)"),
    target("import", At::Only(10_000), 2.0, &[(1.0, "parse, insert and write")], "2 × (parse + insert + write files)"),
];

/// Figures with a fixed limit: what is measured, where, and the most.
const FIXED: [(&str, At, f64, &str); 6] = [
    ("syncs create", At::Every, 2.0, ""),
    ("syncs update", At::Every, 2.0, ""),
    ("peak list", At::Only(100_000), 20.0, "MB"),
    ("peak show", At::Only(100_000), 20.0, "MB"),
    ("peak search common trust", At::Only(100_000), 20.0, "MB"),
    ("peak search common shards", At::Only(100_000), 20.0, "MB"),
];

/// What must not grow with the number of issues, beside what a durable write takes in the same run, and by how much
/// the machine's noise may seem to make it.
const CONSTANT: [(&str, f64); 2] = [("create", 1.25), ("update", 1.25)];

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Whether the target is reached.
    pub(super) reached: bool,
}

/// The heads of the columns of [`rows`].
pub(super) const HEADS: [&str; 8] = ["operation", "issues", "median", "p95", "limit", "measured ÷ limit", "target", ""];

/// Holds all figures against the targets.
pub(super) fn rows(sizes: &BySize) -> Vec<Row> {
    let mut rows = Vec::new();
    for target in &TARGETS {
        for (size, figures) in sizes.iter().filter(|(size, _)| target.at.holds_for(**size)) {
            rows.extend(target.row(*size, figures));
        }
    }
    for (name, at, most, unit) in FIXED {
        for (size, figures) in sizes.iter().filter(|(size, _)| at.holds_for(**size)) {
            let Some(figure) = figures.get(name) else { continue };
            let amount = if unit.is_empty() {
                format!("{:.0}", figure.median)
            } else {
                format!("{} {unit}", shown(figure.median))
            };
            let cells = [name.to_owned(), shown(f64::from(*size)), amount, String::new(), String::new(), String::new()];
            rows.push(Row::new(cells, format!("at most {most:.0} {unit}").trim_end(), figure.median <= most));
        }
    }
    if let (Some((smallest, first)), Some((largest, last))) = (sizes.first_key_value(), sizes.last_key_value()) {
        for (name, most) in CONSTANT.into_iter().filter(|_| smallest < largest) {
            let in_limits = |figures: &Figures| Some(figures.get(name)?.median / figures.sum(DURABLE)?);
            let (Some(first), Some(last)) = (in_limits(first), in_limits(last)) else { continue };
            let ratio = last / first;
            let against = format!("{} against {}", shown(f64::from(*largest)), shown(f64::from(*smallest)));
            let limits = |value: f64| format!("{} × (fdatasync + S)", shown(value));
            let cells = [name.to_owned(), against, limits(last), String::new(), limits(first), shown(ratio)];
            rows.push(Row::new(cells, &format!("independent of the size (within {most})"), ratio <= most));
        }
    }
    rows
}

fn ms(value: f64) -> String {
    format!("{} ms", shown(value))
}

impl At {
    fn holds_for(self, size: u32) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => only == size,
        }
    }
}

impl Target {
    fn row(&self, size: u32, figures: &Figures) -> Option<Row> {
        let figure = figures.get(self.figure)?;
        let limit = figures.sum(self.limit)?;
        let ratio = (figure.median - figures.sum(self.less)?).max(0.0) / limit;
        let cells = [
            self.figure.to_owned(),
            shown(f64::from(size)),
            ms(figure.median),
            ms(figure.p95),
            ms(limit),
            shown(ratio),
        ];
        Some(Row::new(cells, self.words, ratio <= self.factor))
    }
}

impl Row {
    fn new(cells: [String; 6], target: &str, reached: bool) -> Self {
        let verdict = if reached { "reached" } else { "**missed**" };
        Self { cells: cells.into_iter().chain([target.to_owned(), verdict.to_owned()]).collect(), reached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(printed: &str, size: u32, name: &str) -> Row {
        let sizes = BySize::from([(size, Figures::parse(printed).unwrap())]);
        rows(&sizes).into_iter().find(|row| row.cells[0] == name).expect("the target holds for this size")
    }

    #[test]
    fn a_figure_is_held_against_its_limit() {
        let reached = row("spawn\t0.5\t0.6\t9\nshow\t1.0\t1.2\t9\n", 1000, "show");
        assert_eq!(reached.cells, ["show", "1,000", "1.00 ms", "1.20 ms", "0.500 ms", "2.00", "2 S", "reached"]);
        assert!(!row("spawn\t0.5\t0.6\t9\nshow\t1.01\t1.2\t9\n", 1000, "show").reached);
    }

    #[test]
    fn starting_is_taken_off_a_ranked_search() {
        let figures = "spawn\t0.5\t0\t9\nfts common\t10\t0\t9\nranked common\t13.9\t0\t9\n";
        assert!(row(figures, 100_000, "ranked common").reached);
        assert!(!row(&figures.replace("13.9", "14.1"), 100_000, "ranked common").reached);
    }

    #[test]
    fn counts_have_fixed_limits() {
        assert!(row("syncs create\t2\t2\t1\n", 1000, "syncs create").reached);
        assert!(!row("syncs create\t3\t3\t1\n", 1000, "syncs create").reached);
    }

    #[test]
    fn a_cost_that_grows_with_the_size_is_found() {
        let figures = |create: f64, spawn: f64| {
            let limits = format!("fdatasync\t0.5\t9\t9\nspawn (writes)\t{spawn}\t9\t9\n");
            Figures::parse(&format!("create\t{create}\t9\t9\n{limits}")).unwrap()
        };
        let verdict = |small, large| {
            let rows = rows(&BySize::from([(10, small), (1000, large)]));
            rows.into_iter().find(|row| row.cells[1].contains("against")).expect("both sizes have it").reached
        };
        assert!(verdict(figures(2.0, 0.5), figures(2.2, 0.5)));
        assert!(!verdict(figures(2.0, 0.5), figures(3.0, 0.5)));
        // A machine that has become slower makes nothing grow.
        assert!(verdict(figures(2.0, 0.5), figures(3.0, 1.0)));
    }
}
