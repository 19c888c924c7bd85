//! The embedded sessions API, over the wire.

mod guide;
mod sessions;
