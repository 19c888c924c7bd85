//! The sign to somebody elsewhere that all is well: they complain when it stays away.

use crate::config::Redacted;
use crate::events;
use crate::sync::{Progress, Route};
use reqwest::Client;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for the address after each comparison with an account's destination. Never ends.
pub async fn beat(address: Option<&Redacted>, routes: &[Route]) {
    let mut listening = JoinSet::new();
    if let Some(address) = address {
        match Client::builder().timeout(PATIENCE).build() {
            Ok(client) => routes.iter().for_each(|route| {
                listening.spawn(follow(client.clone(), address.clone(), route.progress.subscribe()));
            }),
            Err(error) => events::heartbeat_failed(&error),
        }
    }
    std::future::pending::<()>().await;
}

async fn follow(client: Client, address: Redacted, mut progress: broadcast::Receiver<Progress>) {
    loop {
        match progress.recv().await {
            Ok(Progress::Compared) => {
                let answer = client.get(address.expose()).send().await.and_then(reqwest::Response::error_for_status);
                if let Err(error) = answer {
                    // Whoever knows the address can give the sign.
                    events::heartbeat_failed(&error.without_url());
                }
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
