//! Figures as the measuring programs print them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// One figure: milliseconds, megabytes or a count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// The median.
    pub(super) median: f64,
    /// The 95th percentile.
    pub(super) p95: f64,
    /// How often it was measured.
    pub(super) samples: u32,
}

/// The figures of one repository by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures(BTreeMap<String, Figure>);

impl Figures {
    /// Reads lines of name, median, 95th percentile and number of samples, between tabs.
    pub(super) fn parse(printed: &str) -> Result<Self> {
        let mut figures = BTreeMap::new();
        for line in printed.lines() {
            let (name, figure) = parse_line(line).with_context(|| format!("not a figure: {line}"))?;
            figures.insert(name, figure);
        }
        Ok(Self(figures))
    }

    /// Returns a figure.
    pub(super) fn get(&self, name: &str) -> Option<Figure> {
        self.0.get(name).copied()
    }

    /// Returns all names and figures.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Figure)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    /// Adds up the medians of some figures, each so many times.
    pub(super) fn sum(&self, terms: &[(f64, &str)]) -> Option<f64> {
        terms.iter().map(|(times, name)| Some(times * self.get(name)?.median)).sum()
    }
}

fn parse_line(line: &str) -> Option<(String, Figure)> {
    let mut parts = line.split('\t');
    let name = parts.next()?.to_owned();
    let median = parts.next()?.parse().ok()?;
    let p95 = parts.next()?.parse().ok()?;
    let samples = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some((name, Figure { median, p95, samples }))
}

/// Prints a number with three significant figures or, from a hundred, whole with commas.
pub(super) fn shown(value: f64) -> String {
    match value.abs() {
        size if size < 0.9995 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => {
            let digits = format!("{:.0}", value.abs());
            let grouped = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", grouped.collect::<Vec<_>>().join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_summed() {
        let figures = Figures::parse("spawn\t0.5000\t0.6000\t60\nlist trust\t1.2\t1.5\t60\n").unwrap();
        assert_eq!(figures.get("list trust"), Some(Figure { median: 1.2, p95: 1.5, samples: 60 }));
        assert_eq!(figures.sum(&[(2.0, "spawn"), (1.0, "list trust")]), Some(2.2));
        assert_eq!(figures.sum(&[(2.0, "scan")]), None);
    }

    #[test]
    fn a_line_of_another_form_is_an_error() {
        assert!(Figures::parse("spawn 0.5").is_err());
        assert!(Figures::parse("spawn\t0.5\t0.6\t60\tmore").is_err());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.123_45, 1.234, 12.34, 123.4, 1_234_567.0, -1234.0].map(shown),
            ["0.123", "1.23", "12.3", "123", "1,234,567", "-1,234"]
        );
    }
}
