//! The project itself.
