//! The contract of the poller, checked against whichever backend is built.
//!
//! A file for each family of rules; what they share is in `common`. Nothing here waits for time:
//! descriptors are local, so what one call does the next wait sees.

#![allow(missing_docs)]

mod common;
mod edge;
mod failure;
#[cfg(target_os = "linux")]
mod files;
mod one_shot;
mod registration;
mod timeout;
mod wake;
