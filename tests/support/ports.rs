//! Ports that a test names before anybody listens there.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where processes begin to look, so that tests that run side by side seldom try the same ones.
const APART: u32 = 16;

/// So many that nobody has. Nobody gets them by chance, either: the system picks others for those who name none.
pub fn free<const COUNT: usize>() -> [u16; COUNT] {
    [(); COUNT].map(|()| free_one())
}

fn free_one() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let range = named();
    let mut ports = std::iter::repeat_with(|| {
        let number = std::process::id().wrapping_mul(APART).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        range.start + u16::try_from(number % u32::from(range.end - range.start)).unwrap()
    });
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    ports.by_ref().take(range.len()).find(is_free).expect("a free port")
}

/// Those below the ones that the system picks.
fn named() -> Range<u16> {
    let picked = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = picked.split_whitespace().next().unwrap().parse().unwrap();
    first / 2..first
}
