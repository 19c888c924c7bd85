//! Delivery and reconcile against a server that misbehaves.

mod deliver;
mod reconcile;
mod schema;
mod transport;
