//! What holds for every store holds for one over HTTP.

use std::sync::Arc;

use tickety_api::client::Remote;
use tickety_store::repo::{RepoOptions, RepoStore};

use super::world::Served;

fn over_memory() -> (Remote, Served) {
    let served = Served::memory();
    (served.remote(), served)
}

fn over_files() -> (Remote, (Served, tempfile::TempDir)) {
    let folder = tempfile::tempdir().unwrap();
    tickety_store::repo::init(folder.path(), "TIK").unwrap();
    let store = Arc::new(RepoStore::open(folder.path(), RepoOptions::default()).unwrap());
    let served = Served::over(Arc::clone(&store) as _, store);
    (served.remote(), (served, folder))
}

mod memory {
    tickety_store::contract_tests!(super::over_memory());
    tickety_store::event_contract_tests!(super::over_memory());
}

mod files {
    tickety_store::contract_tests!(super::over_files());
    tickety_store::event_contract_tests!(super::over_files());
}
