//! Layers over stores.

mod cached;
mod differential;
mod home;
mod instrumented;
