//! The embedded sessions API, over the wire.

mod bodies;
mod crowd;
mod disk_full;
mod feed;
mod google_client;
mod guide;
mod limits;
mod memory;
mod raw;
mod sessions;
mod users;
