//! What it takes to ask the same thing again and again.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use pollster::block_on;
use tickety_core::ident::IssueNumber;
use tickety_store::IssueStorage;

use crate::figures::Figures;
use crate::repository::{Repository, query};

/// How many times are taken; the median counts.
const SAMPLES: usize = 31;

/// A sample lasts so long at least, so that looking at the clock doesn't count.
const SAMPLE: Duration = Duration::from_millis(2);

/// Measures reading one issue and listing a hundred.
pub(crate) fn measure(store: &dyn IssueStorage, repository: &Repository, figures: &mut Figures) -> Result<()> {
    let number = IssueNumber::new(1).expect("issues are counted from one");
    let (hundred, moment) = (query("is:any limit:100"), repository.moment(0));
    block_on(store.get(number.into()))?;
    assert_eq!(block_on(store.list(&hundred, &moment))?.issues.len(), 100, "a page of a hundred");
    figures.put("again get", median(|| drop(black_box(block_on(store.get(number.into()))))));
    figures.put("again list", median(|| drop(black_box(block_on(store.list(&hundred, &moment))))));
    Ok(())
}

/// Returns nanoseconds a call.
fn median(mut call: impl FnMut()) -> f64 {
    let mut sample = |calls: u32| {
        let begin = Instant::now();
        (0..calls).for_each(|_| call());
        begin.elapsed()
    };
    let mut calls = 1;
    while sample(calls) < SAMPLE {
        calls *= 2;
    }
    let mut times: Vec<f64> = (0..SAMPLES).map(|_| sample(calls).as_nanos() as f64 / f64::from(calls)).collect();
    times.sort_by(f64::total_cmp);
    times[SAMPLES / 2]
}
