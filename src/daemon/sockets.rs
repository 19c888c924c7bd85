//! The listening sockets of a configuration: opened for a start, and kept from one to the next.

use super::monitor::{Listener, Monitor};
use crate::config::Config;
use crate::ferry::StartFailure;
use crate::port;
use crate::server::Ears;
use listenfd::ListenFd;
use rustix::net::sockopt;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// The socket that the service manager has opened for the embedded server, if it has.
pub fn given() -> Result<Option<Ears>, StartFailure> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 1 {
        return Err(StartFailure::Given(format!("there are {}", handed.len())));
    }
    match handed.take_tcp_listener(0) {
        Ok(None) => Ok(None),
        Ok(Some(listener)) if sockopt::socket_acceptconn(&listener).unwrap_or(false) => Ok(Some(Ears::Open(listener))),
        Ok(Some(_)) => Err(StartFailure::Given("nobody can connect to it".to_owned())),
        Err(error) => Err(StartFailure::Given(error.to_string())),
    }
}

/// What a configuration listens with.
pub struct Sockets {
    pub server: Ears,
    pub monitor: Option<Listener>,
    /// Whether the server's is the service manager's, who holds its address whatever our settings say.
    pub is_given: bool,
}

impl Sockets {
    /// For a start. `given` is the server's, if the service manager has opened it.
    pub fn open(config: &Config, given: Option<Ears>) -> Result<Self, StartFailure> {
        let is_given = given.is_some();
        let server = given.unwrap_or(Ears::At(config.settings.server.listen.get()));
        Ok(Self { server, monitor: Monitor::bind(config, &[])?, is_given })
    }

    /// The same once more.
    pub fn again(&self) -> io::Result<Self> {
        let monitor = self.monitor.as_ref().map(Listener::try_clone).transpose()?;
        Ok(Self { server: self.server.again()?, monitor, is_given: self.is_given })
    }

    /// Those that are left of a configuration, and anew, beside others of ours, what is not.
    pub fn completed(&self, config: &Config, others: &Self) -> Result<Self, StartFailure> {
        let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
        let mut sockets = self.again().map_err(failed)?;
        let beside: Vec<&TcpListener> = others.listeners().collect();
        if let Ears::At(address) = sockets.server
            && others.cover(address)
        {
            sockets.server = Ears::Open(Ears::bind(address, &beside)?);
        }
        if sockets.monitor.is_none() {
            sockets.monitor = Monitor::bind(config, &beside)?;
        }
        Ok(sockets)
    }

    /// Whether one of them is for whoever connects to an address.
    pub fn cover(&self, address: SocketAddr) -> bool {
        let mut addresses = self.listeners().filter_map(|listener| listener.local_addr().ok());
        addresses.any(|ours| port::covers(ours, address))
    }

    /// Those with an address.
    fn listeners(&self) -> impl Iterator<Item = &TcpListener> {
        self.server.listener().into_iter().chain(self.monitor.as_ref().and_then(Listener::tcp))
    }
}
