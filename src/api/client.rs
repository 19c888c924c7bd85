//! Puts, lists and deletes sessions over HTTP, with every bound that a request needs.

use super::outcome::{Failure, Stop, classify, parse_date};
use crate::auth::{self, Tokens};
use crate::session::Session;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Once;
use std::time::Duration;

/// Bytes of an answer to a write, or of an error.
const LONGEST_ANSWER: usize = 1 << 20;

/// Bytes of a list: a full one of Google's has 10,000 sessions.
const LONGEST_LIST: usize = 32 << 20;

/// Everything but the unreserved characters of RFC 3986 is percent-encoded in an id.
const ID_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How to reach one account's API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Up to the part before `/users`.
    pub base_url: Url,
    pub source: auth::Source,
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub read_timeout: Duration,
    /// For all of a request, sending it included.
    pub request_timeout: Duration,
}

/// A client for one account of one API.
pub struct Client {
    http: reqwest::Client,
    sessions: Url,
    tokens: Tokens,
}

/// Half-open interval of time, as the API's list takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

#[derive(Deserialize)]
struct List {
    /// Absent when empty.
    #[serde(default)]
    session: Vec<Listed>,
}

/// Of a listed session only this matters; other applications may leave out what ours have.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    id: String,
}

impl Client {
    /// Fails only if there are no usable TLS roots.
    pub fn new(settings: Settings) -> reqwest::Result<Self> {
        install_tls();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fitferry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.request_timeout)
            .gzip(true)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20));
        if settings.base_url.scheme() == "http" {
            // Loopback: no proxy must see the token, and the system's certificates need not be loaded.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build()?;
        let mut sessions = settings.base_url.clone();
        sessions.set_path(&format!("{}/users/me/sessions", settings.base_url.path().trim_end_matches('/')));
        Ok(Self { http, sessions, tokens: Tokens::new(settings.source) })
    }

    /// Puts a session in its wire form; returns what the server now has.
    pub async fn put(&self, id: &str, body: String) -> Result<Session, Failure> {
        let request = self.http.put(self.url_of(id)).header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.send(request, LONGEST_ANSWER).await?;
        if answer.body.len() > LONGEST_ANSWER {
            return Err(Failure::unreachable(format!("the answer is longer than {LONGEST_ANSWER} bytes")));
        }
        let echo: Session = parse(&answer)?;
        if echo.id != id {
            return Err(Failure::unreachable(format!("the server answered with the session {}", echo.id)));
        }
        Ok(echo)
    }

    /// The ids of the sessions that lie in a window, and perhaps of some that reach into it: servers differ at the edges.
    pub async fn list(&self, window: Window) -> Result<HashSet<String>, Failure> {
        let mut url = self.sessions.clone();
        url.query_pairs_mut()
            .append_pair("prettyPrint", "false")
            .append_pair("startTime", &window.start.to_string())
            .append_pair("endTime", &window.end.to_string());
        let answer = self.send(self.http.get(url), LONGEST_LIST).await?;
        if answer.body.len() > LONGEST_LIST {
            // Asking again for the same would bring the same; a smaller window may do.
            return Err(Failure::Park { reason: format!("the list is longer than {LONGEST_LIST} bytes") });
        }
        Ok(parse::<List>(&answer)?.session.into_iter().map(|session| session.id).collect())
    }

    /// Sends with a token, and once more with another one if the first was refused: it may have ended early.
    async fn send(&self, request: RequestBuilder, longest: usize) -> Result<Answer, Failure> {
        let header = self.authorization().await?;
        let again = request.try_clone();
        match attempt(request, &header, longest).await {
            Err(failure @ Failure::Stop { why: Stop::Credentials, .. }) => {
                self.tokens.refused(header.clone()).await;
                let other = self.authorization().await?;
                match again {
                    Some(again) if other != header => attempt(again, &other, longest).await,
                    _ => Err(failure),
                }
            }
            result => result,
        }
    }

    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        self.tokens.header().await.map_err(|error| match error {
            auth::Error::Later(reason) => Failure::unreachable(reason),
            auth::Error::Person(reason) => Failure::Stop { why: Stop::Credentials, reason },
        })
    }

    fn url_of(&self, id: &str) -> Url {
        let mut url = self.sessions.clone();
        url.set_path(&format!("{}/{}", self.sessions.path(), utf8_percent_encode(id, ID_ESCAPES)));
        url.set_query(Some("prettyPrint=false"));
        url
    }
}

async fn attempt(request: RequestBuilder, header: &HeaderValue, longest: usize) -> Result<Answer, Failure> {
    let request = request.header(ACCEPT, "application/json").header(AUTHORIZATION, header.clone());
    let response = request.send().await.map_err(|error| transport(&error))?;
    let status = response.status();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if status == StatusCode::OK || status == StatusCode::CREATED {
        let content_type = text(CONTENT_TYPE);
        return Ok(Answer { content_type, body: body(response, longest).await? });
    }
    let (retry_after, date) = (text(RETRY_AFTER), text(DATE));
    // Without its body an error still has its status.
    let body = body(response, LONGEST_ANSWER).await.unwrap_or_default();
    if status.is_success() {
        return Err(Failure::unreachable(format!("HTTP {} where a session was expected", status.as_u16())));
    }
    // A date to wait for is one of the server's clock, which may not be ours.
    let now = date.as_deref().and_then(parse_date).unwrap_or_else(Timestamp::now);
    Err(classify(status.as_u16(), retry_after.as_deref(), &body, now))
}

/// What a server says when all is well.
struct Answer {
    content_type: Option<String>,
    body: Vec<u8>,
}

/// An answer that is not what the API gives comes from somebody in between: a portal, a proxy.
fn parse<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let kind = answer.content_type.as_deref().unwrap_or("of no type");
        Failure::unreachable(format!("the answer ({kind}) is not the API's: {error}"))
    })
}

/// Reads no further than a little beyond `longest`.
async fn body(mut response: Response, longest: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > longest {
            break;
        }
    }
    Ok(bytes)
}

/// Chooses the library that does TLS, once for the process.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only if there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The last cause says most: "connection refused" rather than "error sending request".
fn transport(error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection failed"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    Failure::unreachable(if cause.contains("http://") || cause.contains("https://") {
        kind.to_owned()
    } else {
        format!("{kind}: {cause}")
    })
}
