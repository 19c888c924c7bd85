//! Where a walk through a folder comes to another disk: one that is mounted inside.

use super::roots::Identity;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::path::Path;

/// The mounts that a walk has come through, outermost first.
#[derive(Default)]
pub struct Mounts(Vec<Option<u64>>);

impl Mounts {
    /// The walk comes to a folder, so many below its beginning. What is mounted there, if something is.
    pub fn enter(&mut self, dir: &Path, depth: usize) -> Option<Identity> {
        self.0.truncate(depth);
        let around = match self.0.last() {
            Some(around) => *around,
            None => dir.parent().and_then(look).map(|(mount, _)| mount),
        };
        let found = look(dir);
        self.0.push(found.map(|(mount, _)| mount));
        let (mount, identity) = found?;
        around.is_some_and(|around| around != mount).then_some(identity)
    }
}

/// By which mount a folder is seen, and what it is. A folder that is mounted at a second place has the device of the first.
fn look(dir: &Path) -> Option<(u64, Identity)> {
    let found = statx(CWD, dir, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO | StatxFlags::MNT_ID).ok()?;
    let device = u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor);
    // Old systems do not number mounts.
    let has_number = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    Some((if has_number { found.stx_mnt_id } else { device }, (device, found.stx_ino)))
}
