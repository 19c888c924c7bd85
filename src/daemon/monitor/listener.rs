//! Where the monitor listens: at an address, or at a socket of the file system, which is ours to make and to remove.

use crate::config::Listen;
use crate::port;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its user and its group may connect: what it tells is not for everybody who has a path to it.
const MODE: u32 = 0o660;

pub enum Listener {
    Tcp(TcpListener),
    /// With the file, which goes with the last that has it.
    Unix(UnixListener, Arc<SocketFile>),
}

impl Listener {
    /// Listens, beside listeners of ours that are `left`.
    pub fn bind(listen: &Listen, left: &[&TcpListener]) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => port::bind(*address, left).map(Self::Tcp),
            Listen::Unix(path) => bind_at(path),
        }
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener, file) => Ok(Self::Unix(listener.try_clone()?, Arc::clone(file))),
        }
    }

    pub fn tcp(&self) -> Option<&TcpListener> {
        match self {
            Self::Tcp(listener) => Some(listener),
            Self::Unix(..) => None,
        }
    }

    /// Where it does; a port is told as it is, where any free one was asked for.
    pub fn address(&self) -> io::Result<Listen> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Listen::Tcp),
            Self::Unix(_, file) => Ok(Listen::Unix(file.path.clone())),
        }
    }
}

/// A socket in the file system, as long as it is the one that was made.
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            // What is left is replaced by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn bind_at(path: &Path) -> io::Result<Listener> {
    make_way(path)?;
    let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            io::Error::other("its folder is not there; make it, or let the service manager (RuntimeDirectory=)")
        }
        _ => error,
    })?;
    let file = SocketFile { path: path.to_path_buf(), identity: identity(&fs::symlink_metadata(path)?) };
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(Listener::Unix(listener, Arc::new(file)))
}

/// Removes the socket of a process that died, and nothing else.
fn make_way(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::other("there is a file that is no socket, and it is left alone"))
        }
        Ok(_) if is_dead(path)? => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// Whether nobody listens at a socket. One whose queue is full is not waited for.
fn is_dead(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Ok(true),
        Ok(()) | Err(Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    fn bound(path: &Path) -> io::Result<Listener> {
        Listener::bind(&Listen::Unix(path.to_path_buf()), &[])
    }

    #[test]
    fn a_socket_is_there_as_long_as_somebody_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("monitor.sock");
        let first = bound(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        let second = first.try_clone().unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!path.exists());
        // Somebody else's stays.
        let ours = bound(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        drop(ours);
        assert!(path.exists());
    }

    #[test]
    fn only_what_a_dead_process_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let [dead, live, file, link, datagram] =
            ["dead", "live", "file", "link", "datagram"].map(|name| dir.path().join(name));
        drop(UnixListener::bind(&dead).unwrap());
        assert!(dead.exists());
        let _ours = bound(&dead).unwrap();
        UnixStream::connect(&dead).unwrap();
        let _live = UnixListener::bind(&live).unwrap();
        let _datagram = UnixDatagram::bind(&datagram).unwrap();
        fs::write(&file, "a file").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for (path, words) in
            [(&live, "another process"), (&file, "no socket"), (&link, "no socket"), (&datagram, "wrong type")]
        {
            let refused = bound(path).err().unwrap().to_string();
            assert!(refused.contains(words), "{}: {refused}", path.display());
            assert!(fs::symlink_metadata(path).is_ok());
        }
        let nowhere = bound(&dir.path().join("none/monitor.sock")).err().unwrap().to_string();
        assert!(nowhere.contains("folder is not there"), "{nowhere}");
    }

    /// Whoever listens, and does not come to it, is not waited for.
    #[test]
    fn a_full_queue_is_a_sign_of_life() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("busy");
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let _waiting = UnixStream::connect(&path).unwrap();
        assert!(!is_dead(&path).unwrap());
    }
}
