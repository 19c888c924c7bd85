//! What the tests share: writers of small workout files, the real binary, and a client that is not ours.

pub mod archive;
pub mod catalogue;
pub mod corpus;
pub mod disks;
pub mod fault_server;
pub mod fit;
pub mod foreign;
pub mod history;
pub mod http;
pub mod incident;
pub mod mounts;
pub mod oauth;
pub mod ports;
pub mod program;
pub mod proxy;
pub mod served;
pub mod small_disk;
pub mod strava;
pub mod wait;
pub mod xml;
