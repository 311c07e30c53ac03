//! Temporal's Rust core behind the C interface of include/temporal_bridge.h.
