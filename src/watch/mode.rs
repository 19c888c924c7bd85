//! How a folder's new files are noticed: by events, or by scans that come often, where events do not tell everything.

use super::events::Deaf;
use crate::escape;
use rustix::fs::statfs;
use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub enum Mode {
    Events,
    Polling(Why),
}

/// Why a folder is polled.
#[derive(Clone, Debug)]
pub enum Why {
    /// The settings say so.
    Asked,
    /// It is on a file system that others can write to behind our back.
    FileSystem(&'static str),
    /// A disk inside it is.
    Inside(PathBuf, &'static str),
    /// The system gives no events.
    Deaf(Deaf),
    /// A scan found this file, and nobody had told of it.
    Missed(PathBuf),
    /// That happened in an earlier run.
    MissedBefore,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("the settings say so"),
            Self::FileSystem(kind) => write!(f, "it is on {kind}, where events do not tell what others write"),
            Self::Inside(path, kind) => {
                write!(f, "{} inside it is on {kind}, where events do not tell what others write", escape::path(path))
            }
            Self::Deaf(deaf) => write!(f, "there are no events: {}", deaf.error),
            Self::Missed(path) => write!(f, "no event told of {}", escape::path(path)),
            Self::MissedBefore => f.write_str("events did not tell of a file once"),
        }
    }
}

/// The file system of a path, if others can write to it without events here: shared by machines, or a view of what lies
/// somewhere else. Numbers as in `statfs(2)` and the kernel's `magic.h`.
pub fn blind(path: &Path) -> Option<&'static str> {
    Some(match statfs(path).ok()?.f_type {
        0x6969 => "NFS",
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => "SMB",
        0x0102_1997 => "9p",
        // Also virtiofs, and what a virtual machine shares.
        0x6573_5546 => "FUSE",
        0x794c_7630 => "an overlay",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x0bd0_0bd0 => "Lustre",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        0x786f_4256 => "a folder shared by VirtualBox",
        0xbacb_acbc => "a folder shared by VMware",
        0x7c7c_6673 => "a folder shared by Parallels",
        _ => return None,
    })
}
