//! An account that logs in at a published OAuth2 server, and puts its sessions to a server that misbehaves.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::oauth::{Login, OAuthServer, open};
use crate::support::program::Place;
use std::fs;
use std::path::PathBuf;

const START: i64 = 1_600_000_000;

pub struct Bench {
    pub provider: OAuthServer,
    pub api: FaultServer,
    pub place: Place,
}

impl Bench {
    pub fn new() -> Option<Self> {
        Self::introduced_by("client_id = 'client'\nclient_secret = 'client-secret'")
    }

    /// With other settings for the client's name and secret.
    pub fn introduced_by(identity: &str) -> Option<Self> {
        let provider = OAuthServer::start()?;
        let api = FaultServer::start("access-secret-1");
        let place = Place::new();
        let settings = provider.settings_with(&format!("http://{}/fitness/v1", api.address), identity);
        let folders = format!("folders = ['{}']\ndelivery.retry_first = '20ms'\n", place.folder().display());
        fs::write(place.config(), folders + &settings).unwrap();
        Some(Self { provider, api, place })
    }

    pub fn begin(&self) -> Login {
        Login::start(self.place.command().args(["auth", "login"]))
    }

    pub fn log_in(&self) {
        let login = self.begin();
        let page = open(&login.redirect());
        assert!(page.contains("You can close this page"), "{page}");
        assert_eq!(login.end(), (Some(0), String::new()));
    }

    pub fn drop_run(&self, day: i64) {
        let run = Run { records: 2, ..Run::at(START + day * 86_400) };
        self.place.drop_file(&format!("{day}.fit"), run.build());
    }

    pub fn grant_file(&self) -> PathBuf {
        self.place.state().join("oauth-me.json")
    }

    pub fn status(&self) -> serde_json::Value {
        let output = self.place.run(&["auth", "status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
