//! Where an account's sessions go and by which right, from its settings.

use super::places::Environment;
use super::{DestinationSettings, Error, OAuthSettings, Redacted};
use reqwest::Url;
use std::net::IpAddr;
use std::path::PathBuf;

/// The credentials that systemd may hand to a service, as files of these names in its credentials directory.
const TOKEN_CREDENTIAL: &str = "token";
const CLIENT_CREDENTIAL: &str = "oauth-client";

/// Google's, unless the settings name others.
const AUTHORIZE: &str = "https://accounts.google.com/o/oauth2/v2/auth";
const TOKEN: &str = "https://oauth2.googleapis.com/token";
const REVOKE: &str = "https://oauth2.googleapis.com/revoke";

/// Enough to put, list and delete sessions, and the least that does not need Google's security assessment.
const SCOPE: &str = "https://www.googleapis.com/auth/fitness.activity.write";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Embedded,
    Remote { base_url: Url, credentials: Credentials },
}

/// Where the bearer token of a remote destination comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    Token(Redacted),
    TokenFile(PathBuf),
    /// A program and its arguments, which prints the token.
    TokenCommand(Vec<String>),
    OAuth(Box<OAuthClient>),
}

/// What an OAuth login needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    pub identity: ClientIdentity,
    pub provider: Provider,
    pub scope: String,
    /// Whether secrets may go over plain http to other machines.
    pub allow_http: bool,
}

/// As whom fitferry introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientIdentity {
    Given {
        id: String,
        secret: Option<Redacted>,
    },
    /// The JSON that Google's console offers for download, or `{"client_id": …, "client_secret": …}`.
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The endpoints are asked from here.
    Issuer(Url),
    Endpoints {
        authorize: Url,
        token: Url,
        revoke: Option<Url>,
    },
}

impl Destination {
    /// What deliveries are remembered under: another server is another memory.
    pub fn identity(&self) -> &str {
        match self {
            Self::Embedded => "embedded",
            Self::Remote { base_url, .. } => base_url.as_str(),
        }
    }
}

pub fn resolve(settings: &DestinationSettings, environment: &Environment) -> Result<Destination, Error> {
    let key = "destination.url";
    let url = match settings.url.as_deref() {
        None | Some("embedded") => return Ok(Destination::Embedded),
        Some(url) => url,
    };
    let mut base_url = safe_url(key, url, settings.allow_http)?;
    base_url.set_query(None);
    base_url.set_fragment(None);
    let path = base_url.path().trim_end_matches('/').trim_end_matches("/users").to_owned();
    base_url.set_path(&path);
    let credentials = credentials(settings, environment, &base_url)?;
    Ok(Destination::Remote { base_url, credentials })
}

fn credentials(
    settings: &DestinationSettings,
    environment: &Environment,
    base_url: &Url,
) -> Result<Credentials, Error> {
    let mut found = Vec::new();
    if let Some(token) = &settings.token {
        found.push(Credentials::Token(token.clone()));
    }
    if let Some(file) = settings.token_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        found.push(Credentials::TokenFile(file.clone()));
    }
    if let Some(command) = &settings.token_command {
        if command.is_empty() {
            return Err(Error::value("destination.token_command", "is empty; name a program and its arguments"));
        }
        found.push(Credentials::TokenCommand(command.clone()));
    }
    if settings.oauth.client_id.is_some() || settings.oauth.client_file.is_some() {
        found.push(oauth(&settings.oauth, settings.allow_http, environment)?);
    }
    let by_systemd = |name| environment.credential(name).filter(|path| path.exists());
    if found.is_empty() {
        if let Some(file) = by_systemd(TOKEN_CREDENTIAL) {
            found.push(Credentials::TokenFile(file));
        } else if by_systemd(CLIENT_CREDENTIAL).is_some() {
            found.push(oauth(&settings.oauth, settings.allow_http, environment)?);
        }
    }
    let key = "destination.token_file";
    match (found.pop(), found.pop()) {
        (Some(one), None) => Ok(one),
        (None, _) => {
            let what = format!("is needed for {base_url}; or token_command, or an OAuth client in destination.oauth");
            Err(Error::value(key, what))
        }
        (Some(_), Some(_)) => {
            Err(Error::value("destination", "has several of token, token_file, token_command and oauth; keep one"))
        }
    }
}

fn oauth(settings: &OAuthSettings, allow_http: bool, environment: &Environment) -> Result<Credentials, Error> {
    let identity = match (&settings.client_id, &settings.client_file) {
        (Some(_), Some(_)) => return Err(Error::value("destination.oauth", "has client_id and client_file; keep one")),
        (Some(id), None) => ClientIdentity::Given { id: id.clone(), secret: settings.client_secret.clone() },
        (None, Some(file)) => ClientIdentity::File(file.clone()),
        (None, None) => ClientIdentity::File(environment.credential(CLIENT_CREDENTIAL).unwrap_or_default()),
    };
    let url = |key: &str, url: &str| safe_url(&format!("destination.oauth.{key}"), url, allow_http);
    let provider = match (&settings.issuer, &settings.authorize_url, &settings.token_url) {
        (Some(issuer), None, None) => Provider::Issuer(url("issuer", issuer)?),
        (Some(_), _, _) => {
            return Err(Error::value("destination.oauth.issuer", "stands beside endpoints; keep one of both"));
        }
        (None, authorize, token) if authorize.is_some() == token.is_some() => Provider::Endpoints {
            authorize: url("authorize_url", authorize.as_deref().unwrap_or(AUTHORIZE))?,
            token: url("token_url", token.as_deref().unwrap_or(TOKEN))?,
            revoke: match (&settings.revoke_url, token) {
                (Some(revoke), _) => Some(url("revoke_url", revoke)?),
                (None, None) => Some(url("revoke_url", REVOKE)?),
                // Somebody else's endpoints: theirs for revoking may not exist, and is not Google's.
                (None, Some(_)) => None,
            },
        },
        _ => return Err(Error::value("destination.oauth", "needs both of authorize_url and token_url, or neither")),
    };
    let scope = settings.scope.clone().unwrap_or_else(|| SCOPE.to_owned());
    Ok(Credentials::OAuth(Box::new(OAuthClient { identity, provider, scope, allow_http })))
}

/// Secrets go over https, or stay on this machine, or somebody has said that the way is safe.
fn safe_url(key: &str, text: &str, allow_http: bool) -> Result<Url, Error> {
    let hint = "use \"embedded\" or the URL of a sessions API, such as \"https://www.googleapis.com/fitness/v1\"";
    let hint = if key == "destination.url" { hint } else { "use a URL that begins with https://" };
    // What stands before an @ may be a password, and this goes into logs.
    let shown = if text.contains('@') { "no good".to_owned() } else { format!("\"{text}\"") };
    let url = Url::parse(text).map_err(|error| Error::value(key, format!("is {shown}: {error}; {hint}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::value(key, "holds a user name or password; use destination.token_file"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_safe(&url, allow_http) => Ok(url),
        "http" => {
            let what =
                "a token must not go over plain http; use https, or destination.allow_http where the way is safe";
            Err(Error::value(key, format!("is {shown}: {what}")))
        }
        _ => Err(Error::value(key, format!("is {shown}; {hint}"))),
    }
}

/// Whether a secret may go there.
pub fn is_safe(url: &Url, allow_http: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => allow_http || is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
