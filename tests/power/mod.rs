//! Power loss: whatever a disk does with what was never synced, nothing is lost that somebody was told of.
//!
//! The real program runs under strace, which records every write, sync and name in the state directory and everything
//! that the program says. From that record the disk is rebuilt as a power cut at any moment could have left it, and each
//! image is opened by SQLite and held against all that was promised until then. `docs/reliability.md` tells more.
//!
//! Variables of the environment, all optional:
//! - `POWER_LOSS_IMAGES`: how many images to draw by chance, besides the two of every step; 3,000 if not set;
//! - `POWER_LOSS_SEED`: what the random images are drawn by;
//! - `POWER_LOSS_RECORDING`: a folder with recordings to use again; those that are missing are made and left there.

mod calls;
mod campaign;
mod cuts;
mod disk;
mod events;
mod oracle;
mod planted;
mod promises;
mod recording;
mod scenarios;

fn variable(name: &str, default: usize) -> usize {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// How many images are drawn by chance, of a part of all of them in percent.
fn share(percent: usize) -> usize {
    variable("POWER_LOSS_IMAGES", 3_000) * percent / 100
}

fn seed() -> u64 {
    variable("POWER_LOSS_SEED", 1) as u64
}
