//! The implementations within a process keep the contracts.

use tickety_cache::contract;
use tickety_cache::tier::{InProcess, LocalBackplane};

#[test]
fn the_second_level_in_this_process_keeps_its_contract() {
    contract::second_level(InProcess::new);
}

#[test]
fn the_backplane_in_this_process_keeps_its_contract() {
    contract::backplane(LocalBackplane::new);
}
