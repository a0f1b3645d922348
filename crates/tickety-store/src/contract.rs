//! The contract suites: what holds for every store.
