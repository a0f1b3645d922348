//! The repo store keeps the contract of every store, whatever answers are checked against.

use crate::home::Home;

fn empty() -> (tickety_store::repo::RepoStore, Home) {
    let home = Home::new();
    (home.open(), home)
}

tickety_store::contract_tests!(empty());
tickety_store::event_contract_tests!(empty());
