//! Puts, lists and deletes sessions over HTTP, with every bound that a request needs.

use super::outcome::{Failure, Stop, classify};
use crate::session::Session;
use crate::token;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
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
    /// The file with the bearer token.
    pub token_file: PathBuf,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
}

/// A client for one account of one API.
pub struct Client {
    http: reqwest::Client,
    sessions: Url,
    token_file: PathBuf,
    /// Read when needed, and again after it was refused, so that a new token is noticed without a restart.
    authorization: Mutex<Option<HeaderValue>>,
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
        // A second installation in one process is refused, and the first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fitferry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20));
        if settings.base_url.scheme() == "http" {
            // Loopback: no proxy must see the token, and the system's certificates need not be loaded.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build()?;
        let mut sessions = settings.base_url.clone();
        sessions.set_path(&format!("{}/users/me/sessions", settings.base_url.path().trim_end_matches('/')));
        Ok(Self { http, sessions, token_file: settings.token_file, authorization: Mutex::default() })
    }

    /// Puts a session in its wire form; returns what the server now has.
    pub async fn put(&self, id: &str, body: String) -> Result<Session, Failure> {
        let request = self.request(Method::PUT, self.url_of(id))?.header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.send(request, LONGEST_ANSWER).await?;
        if answer.len() > LONGEST_ANSWER {
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
            .append_pair("startTime", &window.start.to_string())
            .append_pair("endTime", &window.end.to_string());
        let answer = self.send(self.request(Method::GET, url)?, LONGEST_LIST).await?;
        if answer.len() > LONGEST_LIST {
            // Asking again for the same would bring the same; a smaller window may do.
            return Err(Failure::Park { reason: format!("the list is longer than {LONGEST_LIST} bytes") });
        }
        Ok(parse::<List>(&answer)?.session.into_iter().map(|session| session.id).collect())
    }

    fn request(&self, method: Method, url: Url) -> Result<reqwest::RequestBuilder, Failure> {
        let request = self.http.request(method, url).header(ACCEPT, "application/json");
        Ok(request.header(AUTHORIZATION, self.authorization()?))
    }

    fn authorization(&self) -> Result<HeaderValue, Failure> {
        let mut known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let refused = |what: String| Failure::Stop { why: Stop::Credentials, reason: what };
        let file = self.token_file.display();
        let token = token::read(&self.token_file)
            .map_err(|error| refused(format!("cannot read the token in {file}: {error}")))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| refused(format!("the token in {file} cannot stand in a header")))?;
        value.set_sensitive(true);
        *known = Some(value.clone());
        Ok(value)
    }

    fn url_of(&self, id: &str) -> Url {
        let mut url = self.sessions.clone();
        url.set_path(&format!("{}/{}", self.sessions.path(), utf8_percent_encode(id, ID_ESCAPES)));
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder, longest: usize) -> Result<Vec<u8>, Failure> {
        let response = request.send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        if status == StatusCode::OK || status == StatusCode::CREATED {
            return body(response, longest).await;
        }
        if status == StatusCode::UNAUTHORIZED {
            *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // Without its body an error still has its status.
        let body = body(response, LONGEST_ANSWER).await.unwrap_or_default();
        if status.is_success() {
            return Err(Failure::unreachable(format!("HTTP {} where a session was expected", status.as_u16())));
        }
        Err(classify(status.as_u16(), retry_after.as_deref(), &body, Timestamp::now()))
    }
}

/// An answer that is not what the API gives comes from somebody in between: a portal, a proxy.
fn parse<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer)
        .map_err(|error| Failure::unreachable(format!("the answer is not the API's: {error}")))
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
