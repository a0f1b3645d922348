//! Layers over stores.

mod cached;
mod differential;
mod files;
mod home;
mod instrumented;
mod threads;
