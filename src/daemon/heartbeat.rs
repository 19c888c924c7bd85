//! The sign to somebody elsewhere that all is well: they complain when it stays away.

use crate::api::cause;
use crate::config::{Config, Redacted};
use crate::events;
use crate::health;
use crate::sync::{Progress, Route};
use jiff::Timestamp;
use reqwest::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for the address after each comparison with an account's destination, if nothing needs a person. Never ends.
pub async fn beat(config: &Config, routes: &[Route]) {
    let mut listening = JoinSet::new();
    if let Some(address) = &config.settings.monitor.heartbeat {
        match Client::builder().timeout(PATIENCE).build() {
            Ok(client) => {
                let heart = Heart { client, address: address.clone(), config: Arc::new(config.clone()) };
                routes.iter().for_each(|route| drop(listening.spawn(heart.clone().follow(route.progress.subscribe()))));
            }
            Err(error) => events::heartbeat_failed(&error),
        }
    }
    std::future::pending::<()>().await;
}

#[derive(Clone)]
struct Heart {
    client: Client,
    address: Redacted,
    config: Arc<Config>,
}

impl Heart {
    async fn follow(self, mut progress: broadcast::Receiver<Progress>) {
        loop {
            match progress.recv().await {
                Ok(Progress::Compared) if self.is_well().await => self.give_sign().await,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn is_well(&self) -> bool {
        let config = Arc::clone(&self.config);
        let standing = tokio::task::spawn_blocking(move || health::look(&config)).await;
        standing.is_ok_and(|looked| looked.is_ok_and(|all| health::problems(&all, Timestamp::now()).is_empty()))
    }

    async fn give_sign(&self) {
        let failed = match self.client.get(self.address.expose()).send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => format!("HTTP {}", answer.status()),
            // Without the address: whoever knows it can give the sign.
            Err(error) => cause(&error),
        };
        events::heartbeat_failed(&failed);
    }
}
