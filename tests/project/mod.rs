//! The project itself: what newcomers read and run, and the rules of the house.

mod api_doc;
mod care;
mod configuration;
mod docker;
mod events;
mod frozen;
pub mod house;
mod install;
mod monitoring;
mod pages;
mod readme;
pub mod samples;
mod systemd;
mod troubleshooting;
