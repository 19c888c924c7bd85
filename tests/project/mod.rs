//! The project itself: what newcomers read and run, and the rules of the house.

mod api_doc;
mod events;
pub mod house;
mod monitoring;
mod readme;
pub mod samples;
mod systemd;
