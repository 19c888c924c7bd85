//! The conversation with an OAuth provider: endpoints, the exchange of a code, refreshing and revoking.

use super::{Error, Grant};
use crate::config::{ClientIdentity, OAuthClient, Provider};
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

/// How long the provider may take for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An access token is replaced this long before it ends.
const MARGIN: Duration = Duration::from_secs(120);

/// Bytes of an answer.
const LONGEST_ANSWER: usize = 1 << 20;

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// An account's dealings with its provider.
#[derive(Clone, Debug)]
pub struct Session {
    client: OAuthClient,
    account: String,
}

/// Where the provider listens.
pub struct Endpoints {
    authorize: Url,
    token: Url,
    revoke: Option<Url>,
}

/// A login that a person has begun: the link to be opened, and what its answer is checked with.
pub struct Begun {
    pub link: Url,
    pub state: CsrfToken,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Discovered {
    authorization_endpoint: Url,
    token_endpoint: Url,
    revocation_endpoint: Option<Url>,
}

/// What Google's console offers for download, and the same without the wrapping.
#[derive(Deserialize)]
struct ClientFile {
    installed: Option<Box<ClientFile>>,
    web: Option<Box<ClientFile>>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Session {
    pub fn new(client: OAuthClient, account: &str) -> Self {
        Self { client, account: account.to_owned() }
    }

    pub fn is_googles(&self) -> bool {
        matches!(&self.client.provider, Provider::Endpoints { token, .. } if token.host_str() == Some("oauth2.googleapis.com"))
    }

    /// The error that only a login mends, with the command for it.
    pub fn needs_login(&self, what: &str) -> Error {
        Error::Person(format!("{what}; run: fitferry auth login --account {}", self.account))
    }

    /// Begins a login that answers to `redirect`.
    pub async fn begin(&self, redirect: Url) -> Result<Begun, Error> {
        let endpoints = self.endpoints().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let redirect = RedirectUrl::from_url(redirect);
        let client = self.client(&endpoints)?;
        let (link, state) = client
            .authorize_url(CsrfToken::new_random)
            .set_redirect_uri(Cow::Borrowed(&redirect))
            .set_pkce_challenge(challenge)
            .add_scope(Scope::new(self.client.scope.clone()))
            // Without these two Google gives a refresh token at the very first login only.
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .url();
        Ok(Begun { link, state, verifier, redirect, endpoints })
    }

    /// Ends a login with the code that its answer brought.
    pub async fn finish(&self, begun: Begun, code: String, now: Timestamp) -> Result<Grant, Error> {
        let http = http()?;
        let client = self.client(&begun.endpoints)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(begun.verifier)
            .set_redirect_uri(Cow::Borrowed(&begun.redirect))
            .request_async(&http)
            .await
            .map_err(|error| self.explain(&error))?;
        if answer.refresh_token().is_none() {
            return Err(self.needs_login("the provider gave no refresh token, so the login would end within the hour"));
        }
        let scope = scope_of(&answer).unwrap_or_else(|| self.client.scope.clone());
        let given: Vec<&str> = scope.split_whitespace().collect();
        // Granted by the refresh token itself; many providers do not list it.
        let mut wanted = self.client.scope.split_whitespace().filter(|wanted| *wanted != "offline_access");
        if let Some(missing) = wanted.find(|wanted| !given.contains(wanted)) {
            return Err(self.needs_login(&format!("the permission {missing} was not given")));
        }
        Ok(Grant {
            access_token: answer.access_token().secret().clone(),
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
            expires: expires(&answer, now),
            renew: renew(&answer, now),
            scope,
            since: now,
            token_url: begun.endpoints.token.to_string(),
            revoke_url: begun.endpoints.revoke.map(Into::into),
        })
    }

    /// A new access token; the provider may also replace the refresh token.
    pub async fn refresh(&self, grant: &Grant, now: Timestamp) -> Result<Grant, Error> {
        let refresh = grant.refresh_token.clone().ok_or_else(|| self.needs_login("the login has ended"))?;
        let refresh = RefreshToken::new(refresh);
        let http = http()?;
        let client = self.client(&endpoints_of(grant)?)?;
        let answer =
            client.exchange_refresh_token(&refresh).request_async(&http).await.map_err(|error| self.explain(&error))?;
        Ok(Grant {
            access_token: answer.access_token().secret().clone(),
            refresh_token: Some(answer.refresh_token().unwrap_or(&refresh).secret().clone()),
            expires: expires(&answer, now),
            renew: renew(&answer, now),
            scope: scope_of(&answer).unwrap_or_else(|| grant.scope.clone()),
            ..grant.clone()
        })
    }

    /// Takes the login back at the provider. Does nothing where the provider has no endpoint for it.
    pub async fn revoke(&self, grant: &Grant) -> Result<(), Error> {
        let Some(revoke) = &grant.revoke_url else { return Ok(()) };
        let token = grant.refresh_token.as_deref().unwrap_or(&grant.access_token);
        let (id, secret) = self.identity()?;
        // By hand, as the library insists on https even on this machine.
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("client_id", &id)
            .extend_pairs(secret.map(|secret| ("client_secret", secret)))
            .finish();
        let Http(http) = http()?;
        let request = http.post(revoke).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        match fetch(request).await?.status() {
            status if status.is_success() => Ok(()),
            status => Err(Error::Later(format!("the provider answers with HTTP {}", status.as_u16()))),
        }
    }

    async fn endpoints(&self) -> Result<Endpoints, Error> {
        let issuer = match &self.client.provider {
            Provider::Issuer(issuer) => issuer,
            Provider::Endpoints { authorize, token, revoke } => {
                return Ok(Endpoints { authorize: authorize.clone(), token: token.clone(), revoke: revoke.clone() });
            }
        };
        let url = format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'));
        let answer = fetch(http()?.0.get(&url)).await?;
        let found: Discovered = serde_json::from_slice(answer.body())
            .map_err(|error| Error::Later(format!("{url} is not an OpenID configuration: {error}")))?;
        // A provider that is reached safely does not send secrets over an unsafe way.
        let all =
            [Some(&found.authorization_endpoint), Some(&found.token_endpoint), found.revocation_endpoint.as_ref()];
        if issuer.scheme() == "https" && all.into_iter().flatten().any(|endpoint| endpoint.scheme() != "https") {
            return Err(Error::Person(format!("{url} names endpoints without https")));
        }
        Ok(Endpoints {
            authorize: found.authorization_endpoint,
            token: found.token_endpoint,
            revoke: found.revocation_endpoint,
        })
    }

    fn client(&self, endpoints: &Endpoints) -> Result<Client, Error> {
        let (id, secret) = self.identity()?;
        let client = BasicClient::new(ClientId::new(id))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(endpoints.authorize.clone()))
            .set_token_uri(TokenUrl::from_url(endpoints.token.clone()));
        Ok(match secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret)),
            None => client,
        })
    }

    fn identity(&self) -> Result<(String, Option<String>), Error> {
        match &self.client.identity {
            ClientIdentity::Given { id, secret } => {
                Ok((id.clone(), secret.as_ref().map(|secret| secret.expose().to_owned())))
            }
            ClientIdentity::File(path) => read_client(path).map_err(Error::Person),
        }
    }

    /// Sorts the provider's refusals: those that pass, and those that need a person.
    fn explain(
        &self,
        error: &RequestTokenError<Error, oauth2::StandardErrorResponse<BasicErrorResponseType>>,
    ) -> Error {
        match error {
            RequestTokenError::Request(error) => error.clone(),
            RequestTokenError::ServerResponse(refusal) => {
                let words = refusal.to_string();
                match refusal.error() {
                    BasicErrorResponseType::InvalidGrant => {
                        self.needs_login(&format!("the login has ended or was taken back ({words})"))
                    }
                    BasicErrorResponseType::Extension(name)
                        if ["temporarily_unavailable", "server_error", "internal_failure"].contains(&name.as_str()) =>
                    {
                        Error::Later(format!("the provider is failing ({words})"))
                    }
                    _ => Error::Person(format!(
                        "the provider refuses fitferry itself ({words}); check destination.oauth"
                    )),
                }
            }
            // The body of an answer that was not understood may hold a token: it is not shown.
            RequestTokenError::Parse(..) => Error::Later("the provider's answer is not OAuth's".to_owned()),
            RequestTokenError::Other(what) => Error::Later(format!("the provider's answer is not OAuth's: {what}")),
        }
    }
}

fn read_client(path: &Path) -> Result<(String, Option<String>), String> {
    let place = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read the OAuth client {place}: {error}"))?;
    let wrong = || {
        format!("{place} holds no OAuth client: it needs client_id and client_secret, as Google's console gives them")
    };
    let file: ClientFile = serde_json::from_str(&text).map_err(|_| wrong())?;
    let file = *file.installed.or(file.web).unwrap_or_else(|| {
        Box::new(ClientFile {
            installed: None,
            web: None,
            client_id: file.client_id,
            client_secret: file.client_secret,
        })
    });
    file.client_id.map(|id| (id, file.client_secret)).ok_or_else(wrong)
}

fn endpoints_of(grant: &Grant) -> Result<Endpoints, Error> {
    let url = |text: &str| Url::parse(text).map_err(|error| Error::Later(format!("{text}: {error}")));
    let token = url(&grant.token_url)?;
    let revoke = grant.revoke_url.as_deref().map(url).transpose()?;
    // Only a login needs the page for people.
    Ok(Endpoints { authorize: token.clone(), token, revoke })
}

fn scope_of(answer: &BasicTokenResponse) -> Option<String> {
    let scopes = answer.scopes()?;
    Some(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
}

fn expires(answer: &BasicTokenResponse, now: Timestamp) -> Option<Timestamp> {
    let within = SignedDuration::try_from(answer.expires_in()?).ok()?;
    now.checked_add(within).ok()
}

/// Some time before it ends, so that no token ends on its way; of a short life, the last quarter.
fn renew(answer: &BasicTokenResponse, now: Timestamp) -> Option<Timestamp> {
    let life = answer.expires_in()?;
    let until = life - MARGIN.min(life / 4);
    now.checked_add(SignedDuration::try_from(until).ok()?).ok()
}

/// The library's way to the network.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(&self.0, request))
    }
}

fn http() -> Result<Http, Error> {
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

async fn fetch(request: reqwest::RequestBuilder) -> Result<HttpResponse, Error> {
    let failed =
        |error: reqwest::Error| Error::Later(format!("the provider cannot be reached: {}", error.without_url()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_read_as_the_console_gives_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_client(&path)
        };
        let both = Ok(("id".to_owned(), Some("secret".to_owned())));
        assert_eq!(read(r#"{"installed":{"client_id":"id","client_secret":"secret","redirect_uris":["x"]}}"#), both);
        assert_eq!(read(r#"{"web":{"client_id":"id","client_secret":"secret"}}"#), both);
        assert_eq!(read(r#"{"client_id":"id"}"#), Ok(("id".to_owned(), None)));
        for wrong in ["", "{}", "[]", r#"{"client_secret":"secret"}"#] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("client.json") && !error.contains("secret\""), "{error}");
        }
    }
}
