//! Figures that are found out when somebody asks, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Figures, collected by name: all of a name have to stand together.
#[derive(Debug, Default)]
pub struct Exposition {
    families: BTreeMap<&'static str, Family>,
}

#[derive(Debug)]
struct Family {
    help: &'static str,
    kind: &'static str,
    lines: String,
}

/// Labels and their values.
type Labels<'a> = [(&'a str, &'a str)];

impl Exposition {
    /// Says what only grows. Its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: f64) {
        self.line(name, help, "counter", "", labels, value);
    }

    /// Says what grows and shrinks.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: f64) {
        self.line(name, help, "gauge", "", labels, value);
    }

    /// Says how something is distributed: quantiles, the sum, and how many there were.
    pub fn summary(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &Labels<'_>,
        quantiles: &[(&str, f64)],
        (sum, count): (f64, u64),
    ) {
        for &(quantile, value) in quantiles {
            let labels: Vec<_> = labels.iter().copied().chain([("quantile", quantile)]).collect();
            self.line(name, help, "summary", "", &labels, value);
        }
        self.line(name, help, "summary", "_sum", labels, sum);
        self.line(name, help, "summary", "_count", labels, count as f64);
    }

    fn line(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        suffix: &str,
        labels: &Labels<'_>,
        value: f64,
    ) {
        let family = self.families.entry(name).or_insert_with(|| Family { help, kind, lines: String::new() });
        let mut write = || {
            write!(family.lines, "{name}{suffix}")?;
            for (place, (label, value)) in labels.iter().enumerate() {
                let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
                write!(family.lines, "{}{label}=\"{value}\"", if place == 0 { '{' } else { ',' })?;
            }
            writeln!(family.lines, "{} {value}", if labels.is_empty() { "" } else { "}" })
        };
        write().expect("writing to a string succeeds");
    }

    /// Appends everything to a text.
    pub(super) fn write(self, text: &mut String) {
        for (name, Family { help, kind, lines }) in self.families {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}")
                .expect("writing to a string succeeds");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_name_stands_together_and_is_described_once() {
        let mut more = Exposition::default();
        more.gauge("b", "Second", &[("project", "a\"b\\")], 0.5);
        more.counter("a_total", "First", &[], 1.0);
        more.gauge("b", "Second", &[("project", "c")], 2.0);
        more.summary("c_seconds", "Third", &[("of", "x")], &[("0.5", 0.25)], (1.5, 4));
        let mut text = String::new();
        more.write(&mut text);
        assert_eq!(
            text,
            r#"# HELP a_total First
# TYPE a_total counter
a_total 1

# HELP b Second
# TYPE b gauge
b{project="a\"b\\"} 0.5
b{project="c"} 2

# HELP c_seconds Third
# TYPE c_seconds summary
c_seconds{of="x",quantile="0.5"} 0.25
c_seconds_sum{of="x"} 1.5
c_seconds_count{of="x"} 4

"#
        );
    }
}
