//! Puts, lists and deletes sessions over HTTP, with every bound that a request needs.

use super::list::{List, MOST};
use super::outcome::{classify, parse_date};
use crate::auth::{self, Tokens};
use crate::destination::{self, Destination, Failure, Listing, Stop, Window};
use crate::redact;
use crate::session::Session;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::pin::Pin;
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

/// One page of a list, its sessions as the server gave them.
#[derive(Deserialize)]
pub struct Page {
    /// Absent when empty.
    #[serde(default, rename = "session")]
    pub sessions: Vec<Box<RawValue>>,
    /// What to ask with for more, if the server has more or thinks that it may.
    #[serde(default, rename = "nextPageToken")]
    pub next: Option<String>,
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
        let answer = self.send(request, LONGEST_ANSWER).await.map_err(|refusal| refusal.failure)?;
        if answer.body.len() > LONGEST_ANSWER {
            return Err(Failure::unreachable(format!("the answer is longer than {LONGEST_ANSWER} bytes")));
        }
        let echo: Session = parse(&answer)?;
        if echo.id != id {
            let other = answer.words(&echo.id);
            return Err(Failure::unreachable(format!("the server answered with the session {other}")));
        }
        Ok(echo)
    }

    /// Deletes a session. One that is not there is as good as deleted.
    pub async fn delete(&self, id: &str) -> Result<(), Failure> {
        match self.send(self.http.delete(self.url_of(id)), LONGEST_ANSWER).await {
            Ok(_) => Ok(()),
            Err(Refusal { status: Some(404), .. }) => Ok(()),
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// The sessions that lie in a window, and perhaps some that reach into it: servers differ at the edges.
    pub async fn list(&self, window: Window) -> Result<Listing, Failure> {
        self.listing(&[("startTime", &window.start.to_string()), ("endTime", &window.end.to_string())]).await
    }

    /// What was changed and deleted since the list that `continues` comes from; without it, in the last days.
    pub async fn changes(&self, continues: Option<&str>) -> Result<Listing, Failure> {
        let token = continues.map(|token| ("pageToken", token));
        self.listing(&token.into_iter().chain([("includeDeleted", "true")]).collect::<Vec<_>>()).await
    }

    async fn listing(&self, query: &[(&str, &str)]) -> Result<Listing, Failure> {
        let list: List = parse(&self.ask(query).await?)?;
        // Asking again for the same would bring the same; a smaller window may do.
        list.listing().ok_or_else(|| Failure::Park { reason: format!("the list has more than {MOST} sessions") })
    }

    /// What a window holds, as it is; or, with the token of the page before, what follows that.
    pub async fn page(&self, window: Window, token: Option<&str>) -> Result<Page, Failure> {
        let (start, end) = (window.start.to_string(), window.end.to_string());
        let token = token.map(|token| ("pageToken", token));
        let query: Vec<_> = [("startTime", start.as_str()), ("endTime", &end)].into_iter().chain(token).collect();
        parse(&self.ask(&query).await?)
    }

    async fn ask(&self, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        let mut url = self.sessions.clone();
        url.query_pairs_mut().append_pair("prettyPrint", "false").extend_pairs(query);
        let answer = self.send(self.http.get(url), LONGEST_LIST).await.map_err(|refusal| refusal.failure)?;
        if answer.body.len() > LONGEST_LIST {
            // Asking again for the same would bring the same; a smaller window may do.
            return Err(Failure::Park { reason: format!("the list is longer than {LONGEST_LIST} bytes") });
        }
        Ok(answer)
    }

    /// Sends with a token, and once more with another one if the first was refused: it may have ended early.
    async fn send(&self, request: RequestBuilder, longest: usize) -> Result<Answer, Refusal> {
        let header = self.authorization().await?;
        let again = request.try_clone();
        match attempt(request, &header, longest).await {
            Err(refusal @ Refusal { failure: Failure::Stop { why: Stop::Credentials, .. }, .. }) => {
                self.tokens.refused(header.clone()).await;
                let other = self.authorization().await?;
                match again {
                    Some(again) if other != header => attempt(again, &other, longest).await,
                    _ => Err(refusal),
                }
            }
            result => result,
        }
    }

    /// Waits for a login that is just being refreshed.
    pub async fn settle(&self) {
        self.tokens.settle().await;
    }

    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        self.tokens.header().await.map_err(|error| match error {
            auth::Error::Later(reason) => Failure::unreachable(reason),
            auth::Error::Person(reason) | auth::Error::Ended(reason) => {
                Failure::Stop { why: Stop::Credentials, reason }
            }
        })
    }

    fn url_of(&self, id: &str) -> Url {
        let mut url = self.sessions.clone();
        url.set_path(&format!("{}/{}", self.sessions.path(), utf8_percent_encode(id, ID_ESCAPES)));
        url.set_query(Some("prettyPrint=false"));
        url
    }
}

impl Destination for Client {
    fn put<'a>(&'a self, id: &'a str, body: String) -> destination::Answer<'a, Session> {
        Box::pin(self.put(id, body))
    }

    fn list(&self, window: Window) -> destination::Answer<'_, Listing> {
        Box::pin(self.list(window))
    }

    fn changes<'a>(&'a self, continues: Option<&'a str>) -> destination::Answer<'a, Listing> {
        Box::pin(self.changes(continues))
    }

    fn delete<'a>(&'a self, id: &'a str) -> destination::Answer<'a, ()> {
        Box::pin(self.delete(id))
    }

    fn settle(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.settle())
    }
}

async fn attempt(request: RequestBuilder, header: &HeaderValue, longest: usize) -> Result<Answer, Refusal> {
    let request = request.header(ACCEPT, "application/json").header(AUTHORIZATION, header.clone());
    let response = request.send().await.map_err(|error| transport(&error))?;
    let status = response.status();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if status == StatusCode::OK || status == StatusCode::CREATED {
        let content_type = text(CONTENT_TYPE);
        return Ok(Answer { content_type, body: body(response, longest).await?, asked_with: header.clone() });
    }
    let (retry_after, date) = (text(RETRY_AFTER), text(DATE));
    // Without its body an error still has its status.
    let body = body(response, LONGEST_ANSWER).await.unwrap_or_default();
    if status.is_success() {
        return Err(Failure::unreachable(format!("HTTP {} where a session was expected", status.as_u16())).into());
    }
    // A date to wait for is one of the server's clock, which may not be ours.
    let now = date.as_deref().and_then(parse_date).unwrap_or_else(Timestamp::now);
    let failure = classify(status.as_u16(), retry_after.as_deref(), &body, now, &[token(header)]);
    Err(Refusal { status: Some(status.as_u16()), failure })
}

/// A failure, and the status that it came with.
struct Refusal {
    status: Option<u16>,
    failure: Failure,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { status: None, failure }
    }
}

fn token(header: &HeaderValue) -> &str {
    header.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// What a server says when all is well.
struct Answer {
    content_type: Option<String>,
    body: Vec<u8>,
    /// The header with the token, which the server may repeat.
    asked_with: HeaderValue,
}

impl Answer {
    /// Something it says, as it may stand in a reason.
    fn words(&self, text: &str) -> String {
        redact::foreign(text, &[token(&self.asked_with)], redact::LONGEST)
    }
}

/// An answer that is not what the API gives comes from somebody in between: a portal, a proxy.
fn parse<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let kind = answer.content_type.as_deref().map_or("of no type".to_owned(), |kind| answer.words(kind));
        let error = answer.words(&error.to_string());
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

fn transport(error: &reqwest::Error) -> Failure {
    Failure::unreachable(cause(error))
}

/// Why there is no answer. The last cause says most: "connection refused" rather than "error sending request".
pub fn cause(error: &reqwest::Error) -> String {
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
    if cause.contains("http://") || cause.contains("https://") {
        kind.to_owned()
    } else {
        // It may quote a certificate.
        format!("{kind}: {}", redact::foreign(&cause, &[], redact::LONGEST))
    }
}
