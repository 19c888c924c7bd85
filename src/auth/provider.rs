//! The conversation with an OAuth provider: endpoints, the exchange of a code, refreshing and revoking.

use super::answer::Answer;
use super::http::{self, fetch};
use super::{Error, Grant};
use crate::config::{ClientIdentity, OAuthClient, Provider, is_safe};
use crate::redact;
use jiff::Timestamp;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenResponse, TokenUrl,
};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;

/// The library's client with answers of our own.
type Client<AuthorizePage = EndpointNotSet, Token = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    AuthorizePage,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

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

/// As whom fitferry introduces itself.
#[cfg_attr(test, derive(Debug, PartialEq))]
struct Identity {
    id: String,
    secret: Option<String>,
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
        let host = match &self.client.provider {
            Provider::Issuer(issuer) => issuer.host_str(),
            Provider::Endpoints { token, .. } => token.host_str(),
        };
        matches!(host, Some("accounts.google.com" | "oauth2.googleapis.com" | "www.googleapis.com"))
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
        let client = self.identity()?.client(&endpoints);
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
        let http = http::client()?;
        let identity = self.identity()?;
        let verifier = begun.verifier.secret().clone();
        let answer = identity
            .client(&begun.endpoints)
            .exchange_code(AuthorizationCode::new(code.clone()))
            .set_pkce_verifier(begun.verifier)
            .set_redirect_uri(Cow::Borrowed(&begun.redirect))
            .request_async(&http)
            .await
            .map_err(|error| self.explain(&error, &[&code, &verifier, identity.secret()]))?;
        answer.check()?;
        if answer.refresh_token().is_none() {
            return Err(self.needs_login("the provider gave no refresh token, so the login would end within the hour"));
        }
        let scope = answer.scope().unwrap_or_else(|| self.client.scope.clone());
        // Some write commas.
        let given: Vec<&str> = scope.split([' ', ',']).collect();
        // Granted by the refresh token itself; many providers do not list it.
        let mut wanted = self.client.scope.split_whitespace().filter(|wanted| *wanted != "offline_access");
        if let Some(missing) = wanted.find(|wanted| !given.contains(wanted)) {
            return Err(self.needs_login(&format!("the permission {missing} was not given")));
        }
        Ok(Grant {
            access_token: answer.access_token().secret().clone(),
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
            expires: answer.expires(now),
            renew: answer.renew(now),
            scope,
            since: now,
            token_url: begun.endpoints.token.to_string(),
            revoke_url: begun.endpoints.revoke.map(Into::into),
            ended: None,
        })
    }

    /// A new access token; the provider may also replace the refresh token.
    pub async fn refresh(&self, grant: &Grant, now: Timestamp) -> Result<Grant, Error> {
        let refresh = grant.refresh_token.clone().ok_or_else(|| self.needs_login("the login has ended"))?;
        let refresh = RefreshToken::new(refresh);
        let http = http::client()?;
        let identity = self.identity()?;
        let answer = identity
            .client(&endpoints_of(grant)?)
            .exchange_refresh_token(&refresh)
            .request_async(&http)
            .await
            .map_err(|error| self.explain(&error, &[refresh.secret(), &grant.access_token, identity.secret()]))?;
        answer.check()?;
        Ok(Grant {
            access_token: answer.access_token().secret().clone(),
            refresh_token: Some(answer.refresh_token().unwrap_or(&refresh).secret().clone()),
            expires: answer.expires(now),
            renew: answer.renew(now),
            scope: answer.scope().unwrap_or_else(|| grant.scope.clone()),
            ..grant.clone()
        })
    }

    /// Takes the login back at the provider. Does nothing where the provider has no endpoint for it.
    pub async fn revoke(&self, grant: &Grant) -> Result<(), Error> {
        let Some(revoke) = &grant.revoke_url else { return Ok(()) };
        let token = grant.refresh_token.as_deref().unwrap_or(&grant.access_token);
        let Identity { id, secret } = self.identity()?;
        // By hand, as the library insists on https even on this machine.
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("client_id", &id)
            .extend_pairs(secret.map(|secret| ("client_secret", secret)))
            .finish();
        let request =
            http::client()?.0.post(revoke).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
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
        let answer = fetch(http::client()?.0.get(&url)).await?;
        if !answer.status().is_success() {
            return Err(Error::Later(format!("{url} answers with HTTP {}", answer.status().as_u16())));
        }
        let found: Discovered = serde_json::from_slice(answer.body()).map_err(|error| {
            let error = redact::foreign(&error.to_string(), &[], redact::LONGEST);
            Error::Later(format!("{url} is not an OpenID configuration: {error}"))
        })?;
        let all =
            [Some(&found.authorization_endpoint), Some(&found.token_endpoint), found.revocation_endpoint.as_ref()];
        // A provider that is reached safely does not send secrets over an unsafe way.
        let is_good = |endpoint: &Url| {
            is_safe(endpoint, self.client.allow_http) && (issuer.scheme() != "https" || endpoint.scheme() == "https")
        };
        if let Some(bad) = all.into_iter().flatten().find(|endpoint| !is_good(endpoint)) {
            let bad = redact::foreign(bad.as_str(), &[], redact::LONGEST);
            return Err(Error::Person(format!("{url} names {bad}, to which no secret must go: it needs https")));
        }
        Ok(Endpoints {
            authorize: found.authorization_endpoint,
            token: found.token_endpoint,
            revoke: found.revocation_endpoint,
        })
    }

    fn identity(&self) -> Result<Identity, Error> {
        match &self.client.identity {
            ClientIdentity::Given { id, secret } => {
                Ok(Identity { id: id.clone(), secret: secret.as_ref().map(|secret| secret.expose().to_owned()) })
            }
            ClientIdentity::File(path) => Identity::read(path).map_err(Error::Person),
        }
    }

    /// Sorts the provider's refusals: those that pass, and those that need a person. `secrets` are those of the request.
    fn explain(&self, error: &RequestTokenError<Error, BasicErrorResponse>, secrets: &[&str]) -> Error {
        let words = |text: &str| redact::foreign(text, secrets, redact::LONGEST);
        match error {
            RequestTokenError::Request(error) => error.clone(),
            RequestTokenError::ServerResponse(refusal) => {
                let words = words(&refusal.to_string());
                match refusal.error() {
                    BasicErrorResponseType::InvalidGrant => Error::Ended(
                        self.needs_login(&format!("the login has ended or was taken back ({words})")).to_string(),
                    ),
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
            RequestTokenError::Other(what) => {
                Error::Later(format!("the provider's answer is not OAuth's: {}", words(what)))
            }
        }
    }
}

impl Identity {
    fn secret(&self) -> &str {
        self.secret.as_deref().unwrap_or_default()
    }

    fn client(&self, endpoints: &Endpoints) -> Client<EndpointSet, EndpointSet> {
        let client = Client::new(ClientId::new(self.id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(endpoints.authorize.clone()))
            .set_token_uri(TokenUrl::from_url(endpoints.token.clone()));
        match &self.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.clone())),
            None => client,
        }
    }

    fn read(path: &Path) -> Result<Self, String> {
        let place = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("cannot read the OAuth client {place}: {error}"))?;
        let wrong = || {
            format!(
                "{place} holds no OAuth client: it needs client_id and client_secret, as Google's console gives them"
            )
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
        file.client_id.map(|id| Self { id, secret: file.client_secret }).ok_or_else(wrong)
    }
}

fn endpoints_of(grant: &Grant) -> Result<Endpoints, Error> {
    let url = |text: &str| Url::parse(text).map_err(|error| Error::Later(format!("{text}: {error}")));
    let token = url(&grant.token_url)?;
    let revoke = grant.revoke_url.as_deref().map(url).transpose()?;
    // Only a login needs the page for people.
    Ok(Endpoints { authorize: token.clone(), token, revoke })
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
            Identity::read(&path)
        };
        let both = Ok(Identity { id: "id".to_owned(), secret: Some("secret".to_owned()) });
        assert_eq!(read(r#"{"installed":{"client_id":"id","client_secret":"secret","redirect_uris":["x"]}}"#), both);
        assert_eq!(read(r#"{"web":{"client_id":"id","client_secret":"secret"}}"#), both);
        assert_eq!(read(r#"{"client_id":"id"}"#), Ok(Identity { id: "id".to_owned(), secret: None }));
        for wrong in ["", "{}", "[]", r#"{"client_secret":"secret"}"#] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("client.json") && !error.contains("secret\""), "{error}");
        }
    }
}
