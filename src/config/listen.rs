//! Where somebody listens, as people write it: an address and a port, or the path of a socket.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Bytes of a path that the system has room for in the address of a socket.
const LONGEST_PATH: usize = 107;

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpAddress(SocketAddr);

/// The same, or the path of a socket after "unix:".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl TcpAddress {
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub fn get(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for TcpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("\"{text}\" {} (write \"127.0.0.1:8730\" or \"[::1]:8730\")", fault(text));
        text.parse().map(Self).map_err(wrong)
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("unix:") else {
            let example = "\"127.0.0.1:9478\", \"[::1]:9478\" or \"unix:/run/fitferry/monitor.sock\"";
            return text.parse().map(Self::Tcp).map_err(|_| format!("\"{text}\" {} (write {example})", fault(text)));
        };
        if !Path::new(path).is_absolute() || path.ends_with('/') {
            let what = "is not the whole path of a socket (write \"unix:/run/fitferry/monitor.sock\")";
            return Err(format!("\"{text}\" {what}"));
        }
        if path.len() > LONGEST_PATH {
            let what = format!("has a path of {} bytes; that of a socket has at most {LONGEST_PATH}", path.len());
            return Err(format!("\"{text}\" {what}"));
        }
        Ok(Self::Unix(path.into()))
    }
}

/// What keeps a text from being an address and a port.
fn fault(text: &str) -> &'static str {
    let is_ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.contains("://") {
        return "is the address of a page, where an IP address and a port are wanted";
    }
    if text.starts_with(['/', '.', '~']) {
        return "is a path, where an IP address and a port are wanted";
    }
    if is_ip(text) {
        return "lacks the port";
    }
    match text.rsplit_once(':') {
        None if is_number(text) => "lacks the IP address",
        None => "is no IP address, and lacks the port",
        Some(("", port)) if is_number(port) => "lacks the IP address",
        Some((host, _)) if is_ip(host) => "has no port from 0 to 65535",
        Some((_, port)) if is_number(port) => "has a name, where an IP address is wanted",
        Some(_) => "is no IP address with a port",
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for TcpAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TcpAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for text in ["127.0.0.1:9478", "[::1]:9478", "0.0.0.0:0", "unix:/run/fitferry/monitor.sock"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        assert_eq!("[::]:1".parse::<TcpAddress>().unwrap().to_string(), "[::]:1");
    }

    /// Each is told what it lacks, and shown how it is written.
    #[test]
    fn what_is_no_address_is_told_why() {
        for (text, words) in [
            ("", "lacks the port"),
            ("9478", "lacks the IP address"),
            (":9478", "lacks the IP address"),
            ("127.0.0.1", "lacks the port"),
            ("::1", "lacks the port"),
            ("[::1]", "lacks the port"),
            ("127.0.0.1:", "has no port"),
            ("127.0.0.1:99999", "has no port"),
            ("[::1]:http", "has no port"),
            ("localhost", "lacks the port"),
            ("localhost:9478", "has a name"),
            ("http://127.0.0.1:9478", "address of a page"),
            ("here:there", "is no IP address with a port"),
            ("/run/monitor.sock", "is a path"),
        ] {
            let monitor = text.parse::<Listen>().unwrap_err();
            assert!(monitor.contains(words) && monitor.contains("(write \"127.0.0.1:9478\""), "{text}: {monitor}");
            let server = text.parse::<TcpAddress>().unwrap_err();
            assert!(server.contains(words) && server.contains("\"127.0.0.1:8730\""), "{text}: {server}");
        }
        for text in ["unix:", "unix:monitor.sock", "unix:@monitor", "unix:/run/"] {
            let told = text.parse::<Listen>().unwrap_err();
            assert!(told.contains("\"unix:/run/fitferry/"), "{text}: {told}");
        }
        assert!(format!("unix:/{}", "x".repeat(106)).parse::<Listen>().is_ok());
        assert!(format!("unix:/{}", "x".repeat(107)).parse::<Listen>().unwrap_err().contains("at most 107"));
        assert!("unix:/run/monitor.sock".parse::<TcpAddress>().unwrap_err().contains("127.0.0.1:8730"));
    }
}
