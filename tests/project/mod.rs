//! The project itself: what newcomers read and run, and the rules of the house.

mod api_doc;
mod care;
pub mod house;
mod readme;
pub mod samples;
mod systemd;
