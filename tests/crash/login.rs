//! A login that has to be renewed before every request, at a provider of the test's own.

use super::campaign::{End, Stage};
use super::home::{self, Sessions};
use crate::support::fault_server::{FaultServer, Reply, read_request};
use crate::support::fit::Run;
use crate::support::program::Place;
use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

const START: i64 = 1_600_000_000;

struct LoggedIn {
    place: Place,
    api: FaultServer,
    provider: SocketAddr,
    expected: Sessions,
}

/// Gives tokens that end at once. The refresh token stays good, as Google's does.
fn provider() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut writer = stream.try_clone().unwrap();
            let asked = read_request(&mut BufReader::new(stream));
            if asked.is_some_and(|request| request.body.contains("refresh_token=for-ever")) {
                let answer = format!("{{\"access_token\":\"a{number}\",\"token_type\":\"Bearer\",\"expires_in\":0}}");
                Reply::Whole(200, "Content-Type: application/json\r\nConnection: close\r\n", answer).send(&mut writer);
            }
        }
    });
    address
}

pub fn stage() -> Box<dyn Stage> {
    let (place, api, provider) = (Place::new(), FaultServer::start("*"), provider());
    let config = format!(
        "folders = ['{}']\ndelivery.retry_first = '10ms'\ndelivery.retry_longest = '20ms'\ndelivery.concurrency = 2\n\
         [destination]\nurl = 'http://{}/fitness/v1'\n[destination.oauth]\nclient_id = 'c'\nclient_secret = 's'\n\
         issuer = 'http://localhost:{}'\n",
        place.folder().display(),
        api.address,
        provider.port()
    );
    fs::write(place.config(), config).unwrap();
    let paths: Vec<PathBuf> = (0..2)
        .map(|day| place.drop_file(&format!("{day}.fit"), Run { records: 2, ..Run::at(START + day * 86_400) }.build()))
        .collect();
    let expected = place.normalized(&paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>());
    Box::new(LoggedIn { place, api, provider, expected })
}

impl LoggedIn {
    fn is_complete(&self) -> bool {
        home::bare(self.api.sessions().into_values()) == self.expected && home::waiting(&self.place) == Some(0)
    }
}

impl Stage for LoggedIn {
    fn reset(&mut self) {
        let state = self.place.state();
        let _ = fs::remove_dir_all(&state);
        fs::create_dir(&state).unwrap();
        let grant = serde_json::json!({
            "access_token": "ended", "refresh_token": "for-ever", "scope": "s", "since": "2026-01-01T00:00:00Z",
            "expires": "2026-01-01T00:00:00Z", "renew": "2026-01-01T00:00:00Z",
            "token_url": format!("http://localhost:{}/token", self.provider.port())
        });
        fs::write(state.join("oauth-me.json"), grant.to_string()).unwrap();
        self.api.reset(BTreeMap::new());
    }

    fn live(&mut self, environment: &[(&str, &str)]) -> End {
        home::live(&self.place, environment, |_| self.is_complete() && home::is_compared(&self.place))
    }

    fn judge(&mut self, crashes: u32) {
        assert!(self.is_complete());
        let puts: u32 = self.api.puts().values().sum();
        assert!((2..=2 + 2 * crashes).contains(&puts), "{puts} puts after {crashes} crashes");
        let grant = fs::read_to_string(self.place.state().join("oauth-me.json")).unwrap();
        let grant: serde_json::Value = serde_json::from_str(&grant).unwrap();
        assert_eq!(grant["refresh_token"], "for-ever");
        assert_ne!(grant["access_token"], "ended");
        assert!(!self.place.state().join("oauth-me.draft").exists(), "nothing is left of what was interrupted");
    }

    fn rest(&mut self) {
        home::make_curious(&self.place);
        let before = self.api.puts();
        let end = home::live(&self.place, &[("FITFERRY_LOG__LEVEL", "debug")], |daemon| home::has_looked(daemon, 1, 1));
        assert_eq!((end, self.api.puts()), (End::Done, before), "a restart sends nothing");
    }
}
