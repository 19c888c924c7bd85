//! The project itself: what newcomers read and run, and the rules of the house.

mod house;
mod readme;
mod samples;
mod systemd;
