//! Ports to listen at: taken from everybody or nobody else, but from ourselves.

use rustix::net::{AddressFamily, SocketFlags, SocketType, listen, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Listens at an address where nobody listens but those of ours that are about to be left. They go on until they are closed,
/// so that somebody listens at every moment, and nobody else can take the address in between. Who has connected to one of them
/// and is not accepted yet when it is closed is turned away, and has to connect again.
pub fn bind(address: SocketAddr, left: &[&TcpListener]) -> io::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse && left.iter().any(|ours| is_at(ours, address.port())) =>
        {
            share(left, true)?;
            let taken = beside(address);
            share(left, false)?;
            taken
        }
        taken => taken,
    }
}

/// Whether nobody can listen at one of them while the other is taken. Port 0 is any free one.
pub fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0 && (covers(one, other) || covers(other, one))
}

/// Whether whoever listens at one address is there for all who connect to some other.
pub fn covers(all: SocketAddr, some: SocketAddr) -> bool {
    let is_everywhere = all.ip().is_unspecified() && (all.is_ipv6() || some.is_ipv4());
    all.port() == some.port() && (all.ip() == some.ip() || is_everywhere)
}

/// Whether it has this port, at whatever address.
fn is_at(listener: &TcpListener, port: u16) -> bool {
    listener.local_addr().is_ok_and(|address| address.port() == port)
}

/// Linux lets sockets of one user share an address if all of them say so while the last one is bound.
fn share(listeners: &[&TcpListener], is_shared: bool) -> io::Result<()> {
    listeners.iter().try_for_each(|listener| Ok(sockopt::set_socket_reuseport(listener, is_shared)?))
}

fn beside(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    // As many as the system keeps waiting.
    listen(&socket, i32::MAX)?;
    let listener = TcpListener::from(socket);
    share(&[&listener], false)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap_where_one_is_everywhere() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "0.0.0.0:1", true),
            ("127.0.0.1:1", "[::]:1", true),
            ("[::1]:1", "[::]:1", true),
            ("[::1]:1", "0.0.0.0:1", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("127.0.0.1:1", "0.0.0.0:2", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!((overlap(one, other), overlap(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn an_address_is_taken_from_ourselves_and_from_nobody_else() {
        for (old, new) in [
            ("127.0.0.1:0", "0.0.0.0"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("127.0.0.1:0", "[::]"),
            ("[::]:0", "127.0.0.1"),
            ("127.0.0.1:0", "127.0.0.1"),
        ] {
            let ours = TcpListener::bind(old).unwrap();
            let address: SocketAddr = format!("{new}:{}", ours.local_addr().unwrap().port()).parse().unwrap();
            let in_use = |left: &[&TcpListener]| bind(address, left).unwrap_err().kind() == io::ErrorKind::AddrInUse;
            assert!(in_use(&[]), "{old} {new}");
            let taken = bind(address, &[&ours]).unwrap();
            assert_eq!(taken.local_addr().unwrap(), address);
            drop(ours);
            assert!(in_use(&[]), "{old} {new}: somebody can take it");
        }
    }

    #[test]
    fn whoever_else_is_in_the_way_stays() {
        let theirs = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = theirs.local_addr().unwrap().port();
        let ours = TcpListener::bind(("127.0.0.1", port)).unwrap();
        for _ in 0..2 {
            let taken = bind(SocketAddr::from(([0, 0, 0, 0], port)), &[&ours]);
            assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
    }
}
