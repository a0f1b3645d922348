//! The attribute `#[cached]` of tickety-cache.
