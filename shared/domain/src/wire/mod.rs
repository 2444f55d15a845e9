//! Formats.
pub mod wake_up;
