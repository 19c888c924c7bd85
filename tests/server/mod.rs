//! The embedded sessions API, over the wire.

mod crowd;
mod google_client;
mod guide;
mod sessions;
mod users;
