//! An index that is kept up to date is the index that would be made afresh.
