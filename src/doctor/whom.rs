//! As whom root looks at folders: it may read everything itself, and the service may not.

use crate::control;
use crate::owner;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Another user to look as; nothing if that is who asks, or nobody but root could look as somebody else. Or why that was not
/// found out: what root finds says nothing then.
pub type Sought = Result<Option<Whom>, String>;

/// What is said of what could not be looked at as that user.
pub fn unknown(why: &str) -> String {
    format!("cannot be looked at as the service's user: {why}")
}

/// Another user, with the groups that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    user: u32,
    group: u32,
    groups: Vec<u32>,
    /// Or else what it may by its unit, as its SupplementaryGroups, is not known.
    pub is_running: bool,
}

impl Whom {
    /// The user of the running daemon, else the owner of the state directory, which the first start may have to make.
    pub fn seek(state_dir: &Path) -> Sought {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let whom = match control::process(state_dir) {
            Some(process) => Self::of_process(&process),
            None => match fs::metadata(state_dir) {
                Ok(it) => Self::of_user(it.uid(), it.gid()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unknown(&format!("{}: {error}", state_dir.display()))),
            },
        };
        Ok(Some(whom).filter(|whom| whom.user != 0))
    }

    fn of_process(process: &control::Process) -> Self {
        let groups = process.status("Groups:").map(|groups| numbers(&groups));
        let user = Self::of_user(process.user, process.group);
        Self { group: process.group, groups: groups.unwrap_or(user.groups), is_running: true, ..user }
    }

    /// With the groups that it gets where somebody logs in.
    fn of_user(user: u32, group: u32) -> Self {
        let known = owner::known(user);
        let group = known.as_ref().map_or(group, |(_, group)| *group);
        let name = known.map_or(user.to_string(), |(name, _)| name);
        // Only the system's library knows all of them.
        let output = Command::new("id").args(["-G", &name]).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let groups = output.map(|output| numbers(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default();
        Self { user, group, groups, is_running: false }
    }

    /// Makes the present thread, and no other, this user's: that is what the kernel goes by, whatever the library says.
    pub fn take_on(&self) -> io::Result<()> {
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        let groups: Vec<Gid> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        set_thread_groups(&groups)?;
        set_thread_res_gid(group, group, group)?;
        Ok(set_thread_res_uid(user, user, user)?)
    }

    pub fn name(&self) -> String {
        owner::name(self.user)
    }
}

/// What a look finds as the one who was sought.
pub fn look<T: Send>(whom: &Sought, look: impl FnOnce() -> T + Send) -> Result<T, String> {
    let Some(whom) = whom.as_ref().map_err(String::clone)? else { return Ok(look()) };
    let look = || whom.take_on().map(|()| look());
    let looked = std::thread::scope(|scope| scope.spawn(look).join());
    let looked = looked.unwrap_or_else(|_| Err(io::Error::other("the look failed")));
    looked.map_err(|error| unknown(&format!("{}: {error}", whom.name())))
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}
