//! Temporal's Rust core behind the C interface of include/temporal_bridge.h, which says what each function does, and what its
//! pointers must be: null or what C calls valid. Handles may be anything.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

// Which checkout this is. Several may share cargo's build directory (crate.cmake), and cargo tells files of one name apart by their
// times alone; what an environment variable said, it remembers.
const _: Option<&str> = option_env!("WELLHEAD_BRIDGE_SOURCES");

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
