//! The table: what was done how often, and what came of it.

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// Something acknowledged is gone, or its events are.
    Lost,
    /// Something is there in part, or can't be read.
    Torn,
    /// A command hung, or failed where it should have gone on unaided.
    Wedged,
    /// Anything else that should not be.
    Otherwise,
}

/// One fault and what came of it.
#[derive(Debug)]
pub(super) struct Row {
    fault: String,
    runs: u64,
    harms: [u64; 4],
    skipped: Option<String>,
}

/// How many findings of a row are told in full.
const TOLD: u64 = 20;

impl Row {
    /// Starts a row.
    pub(super) fn new(fault: impl Into<String>) -> Self {
        Self { fault: fault.into(), runs: 0, harms: [0; 4], skipped: None }
    }

    /// Makes a row of something that can't be tried here.
    pub(super) fn skipped(fault: impl Into<String>, why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::new(fault) }
    }

    /// Counts one more run.
    pub(super) fn run(&mut self) {
        self.runs += 1;
    }

    /// Adds something to what the fault is called.
    pub(super) fn note(&mut self, note: &str) {
        self.fault.push_str(note);
    }

    /// Returns how many runs there were.
    pub(super) fn runs(&self) -> u64 {
        self.runs
    }

    /// Notes what should not be.
    pub(super) fn harm(&mut self, harm: Harm, what: impl AsRef<str>) {
        self.harms[harm as usize] += 1;
        let told: u64 = self.harms.iter().sum();
        if told <= TOLD {
            eprintln!("faults: {}: {harm:?}: {}", self.fault, what.as_ref());
        } else if told == TOLD + 1 {
            eprintln!("faults: {}: further findings are only counted", self.fault);
        }
    }

    /// Says whether nothing was found.
    pub(super) fn is_clean(&self) -> bool {
        self.harms == [0; 4]
    }

    fn cells(&self) -> Vec<String> {
        match &self.skipped {
            Some(why) => {
                vec![format!("{} (skipped: {why})", self.fault), "0".into(), "".into(), "".into(), "".into(), "".into()]
            }
            None => {
                let numbers = std::iter::once(self.runs).chain(self.harms).map(|number| number.to_string());
                std::iter::once(self.fault.clone()).chain(numbers).collect()
            }
        }
    }
}

/// Prints rows as a Markdown table.
pub(super) fn print(rows: &[Row]) {
    println!("| fault | runs | lost | torn | wedged | otherwise |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        println!("| {} |", row.cells().join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_counted_by_kind() {
        let mut row = Row::new("killed");
        row.run();
        assert!(row.is_clean());
        row.harm(Harm::Torn, "half of it");
        row.harm(Harm::Otherwise, "odd");
        assert!(!row.is_clean());
        assert_eq!(row.cells(), ["killed", "1", "0", "1", "0", "1"]);
        assert_eq!(Row::skipped("power", "no root").cells()[0], "power (skipped: no root)");
    }
}
