//! The embedded sessions API, over the wire.

mod crowd;
mod guide;
mod sessions;
