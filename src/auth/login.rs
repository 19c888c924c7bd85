//! A person logs in: a link to open, and its answer from the browser or pasted by hand.

use super::{Error, Grant, Session};
use crate::redact;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use jiff::Timestamp;
use reqwest::Url;
use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long the person may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What the browser brings back.
type Answer = Result<String, String>;

#[derive(Clone)]
struct Waiting {
    state: Arc<str>,
    answers: mpsc::Sender<Answer>,
}

/// Logs in. `port` is where the browser comes back to on this machine, 0 for any; `show` is given the link. Lines of
/// `pasted` are taken for the address at which the browser ended, wherever it runs.
pub async fn run(
    session: &Session,
    port: u16,
    pasted: impl BufRead + Send + 'static,
    show: impl FnOnce(&Url, SocketAddr),
) -> Result<Grant, Error> {
    let failed = |error: std::io::Error| Error::Person(format!("cannot listen on port {port}: {error}; use --port"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let redirect = Url::parse(&format!("http://{address}")).map_err(|error| Error::Person(error.to_string()))?;
    let begun = session.begin(redirect).await?;
    show(&begun.link, address);
    let (answers, mut answered) = mpsc::channel(1);
    let waiting = Waiting { state: begun.state.secret().as_str().into(), answers };
    let by_hand = waiting.clone();
    // Ends with the process: a blocked read cannot be called back.
    std::thread::spawn(move || take_pasted(pasted, &by_hand));
    let router = Router::new().route("/", get(come_back)).with_state(waiting);
    let answer = tokio::select! {
        answer = answered.recv() => answer,
        _ = axum::serve(listener, router).into_future() => None,
        () = tokio::time::sleep(PATIENCE) => None,
    };
    match answer {
        Some(Ok(code)) => session.finish(begun, code, Timestamp::now()).await,
        Some(Err(why)) => {
            Err(Error::Person(format!("the provider says: {}", redact::foreign(&why, &[], redact::LONGEST))))
        }
        None => Err(Error::Person(format!("nobody came back within {} minutes", PATIENCE.as_secs() / 60))),
    }
}

async fn come_back(State(waiting): State<Waiting>, RawQuery(query): RawQuery) -> (StatusCode, Html<&'static str>) {
    let page = |status, text| (status, Html(text));
    match read(query.as_deref().unwrap_or_default(), &waiting.state) {
        Some(answer) => {
            let good = answer.is_ok();
            // If somebody was faster, that is as good.
            let _ = waiting.answers.try_send(answer);
            // The connection is given a moment to carry this before the process ends.
            if good {
                page(StatusCode::OK, "<p>fitferry has what it needs. You can close this page.</p>")
            } else {
                page(StatusCode::OK, "<p>The login was not granted. fitferry says why.</p>")
            }
        }
        None => page(StatusCode::BAD_REQUEST, "<p>This is not the answer to the login that fitferry waits for.</p>"),
    }
}

fn take_pasted(pasted: impl BufRead, waiting: &Waiting) {
    for line in pasted.lines().map_while(Result::ok) {
        let line = line.trim();
        let query = line.split_once('?').map_or(line, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        if let Some(answer) = read(query, &waiting.state) {
            // The login has ended another way if nobody listens.
            let _ = waiting.answers.blocking_send(answer);
            return;
        }
    }
}

/// The code, or why there is none; nothing if it does not belong to this login.
fn read(query: &str, state: &str) -> Option<Answer> {
    let value = |wanted: &str| {
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    if value("state")? != state {
        return None;
    }
    let refusal = || {
        value("error").map(|error| {
            Err([Some(error), value("error_description")].into_iter().flatten().collect::<Vec<_>>().join(": "))
        })
    };
    value("code").map(Ok).or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_this_login_counts() {
        assert_eq!(read("state=s&code=c%2F1&scope=x", "s"), Some(Ok("c/1".to_owned())));
        assert_eq!(read("error=access_denied&state=s", "s"), Some(Err("access_denied".to_owned())));
        for query in ["", "code=c", "state=t&code=c", "state=s", "STATE=s&code=c"] {
            assert_eq!(read(query, "s"), None, "{query}");
        }
    }
}
