//! Delivery and reconcile against a server that misbehaves.

pub mod deliver;
mod memory;
mod reconcile;
mod schema;
mod seam;
mod standstill;
pub mod tls;
mod transport;
