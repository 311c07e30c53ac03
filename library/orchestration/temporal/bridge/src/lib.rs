//! Temporal's Rust core behind the C interface of include/temporal_bridge.h, which says what each function does, and what its
//! pointers must be: null or what C calls valid. Handles may be anything.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

mod boundary;
pub mod bytes;
pub mod client;
mod handles;
pub mod log;
mod options;
pub mod replay;
pub mod rpc;
pub mod runtime;
pub mod worker;
