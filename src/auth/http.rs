//! The way to a provider: what a request may take, and how long its answer may be.

use super::Error;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use std::pin::Pin;
use std::time::Duration;

/// How long the provider may take for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer.
const LONGEST_ANSWER: usize = 1 << 20;

/// The library's way to the network.
pub struct Http(pub reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(&self.0, request))
    }
}

pub fn client() -> Result<Http, Error> {
    crate::api::install_tls();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("fitferry/", env!("CARGO_PKG_VERSION")))
        // A redirect would take the client's secret along.
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT);
    builder.build().map(Http).map_err(|error| Error::Later(error.to_string()))
}

async fn send(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Error> {
    let (parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    let answer = fetch(http.request(parts.method, url).headers(parts.headers).body(body)).await?;
    match answer.status().as_u16() {
        status @ (408 | 429 | 500..=599) => Err(Error::Later(format!("the provider answers with HTTP {status}"))),
        status @ 300..=399 => {
            Err(Error::Later(format!("the provider answers with HTTP {status}, which is not followed")))
        }
        _ => Ok(answer),
    }
}

/// An answer of whatever status, read as far as [`LONGEST_ANSWER`].
pub async fn fetch(request: reqwest::RequestBuilder) -> Result<HttpResponse, Error> {
    let failed = |error: reqwest::Error| {
        Error::Later(format!("the provider cannot be reached: {}", crate::api::cause(&error.without_url())))
    };
    let mut response = request.send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Error::Later("the provider's answer does not end".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}
