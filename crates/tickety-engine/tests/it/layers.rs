//! Layers over stores.

mod agreement;
mod cached;
mod differential;
mod files;
mod grouped;
mod home;
mod instrumented;
mod threads;
