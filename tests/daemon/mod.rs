//! The daemon as people use it: files arrive, sessions appear, whatever happens in between.

mod alerts;
mod arrivals;
mod bad_input;
mod care;
mod corpus;
mod crash;
mod damage;
mod disk_full;
mod folders;
mod journal;
mod killed;
mod limits;
mod listening;
mod monitor;
mod mounts;
mod moved;
pub mod nobody;
mod patterns;
mod reload;
mod removals;
mod restart;
mod stuck;
mod systemd;
mod told;
mod unreadable;
mod watching;
