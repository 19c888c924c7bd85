//! The way to an account's destination, step by step, and whether its token is accepted there.

use super::disks::user;
use super::whom::{self, Sought};
use super::{Finding, RESTART, who_is_silent};
use crate::api::{self, Client};
use crate::auth::{Grant, Source, Tokens, command};
use crate::config::{Account, Config, Destination};
use crate::control;
use crate::destination::{Failure, Stop, Window};
use crate::ferry::{self, Lock};
use crate::owner;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long a name, and each connection, may take; and all of a request.
const STEP: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(8);

/// How long a program may take to print a token.
const PROGRAM: Duration = Duration::from_secs(8);

/// How long all of that takes at most, and something beside.
pub const PATIENCE: Duration = Duration::from_secs(30);

const WAY: &str = "destination";
const LOGIN: &str = "login";

pub fn look(config: &Config, account: &Account, whom: &Sought) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let findings = match runtime {
        Ok(runtime) => match account.destination {
            Destination::Embedded => runtime.block_on(embedded(config, account, whom)),
            Destination::Remote { .. } => runtime.block_on(remote(config, account, whom)),
        },
        Err(error) => vec![Finding::bad(WAY, error.to_string(), "see the limits of this user: ulimit -a")],
    };
    let name = &account.name;
    findings.into_iter().map(|finding| finding.about(name)).collect()
}

/// Our own server, which runs with the daemon or by itself.
async fn embedded(config: &Config, account: &Account, whom: &Sought) -> Vec<Finding> {
    let listen = config.settings.server.listen.get();
    // Who serves has written down where.
    let written = std::fs::read_to_string(config.state_dir.join("server/lock"));
    let address: SocketAddr = written.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(listen);
    let is_running = control::is_running(&config.state_dir) == Some(true);
    let settings = match ferry::client_settings(config, account, address) {
        Ok(settings) => settings,
        Err(error) => {
            return vec![Finding::bad(WAY, error.to_string(), "as the message says, or correct server.listen")];
        }
    };
    if connect(address).await.is_err() {
        return vec![match is_running {
            true => Finding::bad(WAY, format!("our own server does not answer at {address}"), "restart fitferry"),
            false => Finding::not_applicable(WAY, "our own server, which runs with the daemon"),
        }];
    }
    let elsewhere = "choose another address with server.listen, or stop that program";
    match is_ours(&settings).await {
        Some(true) => {}
        Some(false) => {
            let found = format!("another program listens on {address}, where our own server is to be");
            return vec![Finding::bad(WAY, found, elsewhere)];
        }
        // Who serves holds a lock of the same name as who delivers.
        None if Lock::is_held(&config.state_dir.join("server")) => {
            let dir = config.state_dir.clone();
            // On a thread that runs no tasks yet, as that asks by a task of its own.
            let silent = tokio::task::spawn_blocking(move || who_is_silent(&dir)).await;
            let (who, fix) = silent.unwrap_or(("fitferry".to_owned(), RESTART.to_owned()));
            return vec![Finding::bad(WAY, format!("{who} does not answer at {address}, our own server's"), fix)];
        }
        None => {
            let found = format!("whatever listens on {address}, where our own server is to be, does not answer");
            return vec![Finding::bad(WAY, found, elsewhere)];
        }
    }
    if let Some(denied) = denied(&settings.source, whom) {
        return vec![Finding::good(WAY, format!("our own server at {address} can be reached")), denied];
    }
    let file = config.server_token_file(&account.name);
    ask(
        settings,
        &format!("our own server at {address}"),
        &format!(
            "give the token in {} to nobody else; delete that file, and restart fitferry, to get a new one",
            file.display()
        ),
    )
    .await
}

/// Whether it says that it is this API, as nobody else is shown a token; nothing if it says nothing.
async fn is_ours(settings: &api::Settings) -> Option<bool> {
    let mut url = settings.base_url.clone();
    url.set_path("/$discovery/rest");
    api::install_tls();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(REQUEST).build();
    match client.ok()?.get(url).send().await {
        Ok(answer) => Some(answer.text().await.is_ok_and(|text| text.contains("fitness:v1"))),
        Err(error) if error.is_timeout() => None,
        // It speaks, but no HTTP.
        Err(_) => Some(false),
    }
}

async fn remote(config: &Config, account: &Account, whom: &Sought) -> Vec<Finding> {
    let settings = match ferry::client_settings(config, account, config.settings.server.listen.get()) {
        Ok(settings) => settings,
        Err(error) => return vec![Finding::bad(WAY, error.to_string(), "correct destination.url")],
    };
    let url = settings.base_url.clone();
    let shown = url.to_string();
    if let Err(finding) = reach(&url).await {
        return vec![finding];
    }
    if let Some(denied) = denied(&settings.source, whom) {
        return vec![Finding::good(WAY, format!("{shown} can be reached")), denied];
    }
    let (source, fix) = match &settings.source {
        Source::OAuth { session, grant_file } => match lasting(grant_file) {
            Ok(Some(source)) => (source, format!("fitferry auth login --account {}", account.name)),
            // Whoever renews it writes it down, and here nothing is written.
            Ok(None) => {
                return vec![
                    Finding::good(WAY, format!("{shown} can be reached")),
                    Finding::good(LOGIN, "logged in; what it is good for shows when it is renewed"),
                ];
            }
            Err(what) => {
                let finding = Finding::bad(
                    LOGIN,
                    what.unwrap_or(session.needs_login("not logged in").to_string()),
                    format!("fitferry auth login --account {}", account.name),
                );
                return vec![Finding::good(WAY, format!("{shown} can be reached")), finding];
            }
        },
        Source::File(file) => (settings.source.clone(), format!("put a good token into {}", file.display())),
        Source::Command(program) => match command::try_out(program, PROGRAM).await {
            Ok(token) => (Source::Token(token.into()), "see what destination.token_command prints".to_owned()),
            Err(error) => {
                let fix = "run it by hand, as the user that fitferry runs as: it has to print a token, and ask nobody";
                return vec![
                    Finding::good(WAY, format!("{shown} can be reached")),
                    Finding::bad(LOGIN, error.to_string(), fix),
                ];
            }
        },
        Source::Token(_) => (settings.source.clone(), "set destination.token to a good one".to_owned()),
    };
    ask(api::Settings { source, ..settings }, &shown, &fix).await
}

/// The access token of a login while that is good, so that nothing is renewed; why there is none otherwise.
fn lasting(grant_file: &Path) -> Result<Option<Source>, Option<String>> {
    match Grant::read(grant_file) {
        Ok(None) => Err(None),
        Ok(Some(Grant { ended: Some(why), .. })) => Err(Some(why)),
        Ok(Some(grant)) => {
            let is_good = grant.expires.is_some_and(|end| end > Timestamp::now());
            Ok(is_good.then(|| Source::Token(grant.access_token().into())))
        }
        Err(error) => Err(Some(error.to_string())),
    }
}

/// The name, and a connection; unless a proxy does both for us.
async fn reach(url: &reqwest::Url) -> Result<(), Finding> {
    let proxies = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    if url.scheme() == "https" && proxies.iter().any(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let found = timeout(STEP, lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            let fix = "see that destination.url is right, and that this machine can look up names: getent hosts";
            return Err(Finding::bad(WAY, format!("the name {host} is not known: {error}"), format!("{fix} {host}")));
        }
        Err(_) => {
            let found = format!("looking up the name {host} takes too long");
            return Err(Finding::bad(WAY, found, "see that the name server in /etc/resolv.conf answers"));
        }
    };
    let mut why = format!("the name {host} has no address");
    for address in addresses {
        match connect(address).await {
            Ok(()) => return Ok(()),
            Err(error) => why = format!("cannot connect to {host} ({address}): {error}"),
        }
    }
    Err(Finding::bad(
        WAY,
        why,
        "see that the server runs, that destination.url is right, and that no firewall is between",
    ))
}

/// Says that the file of a secret may not be read, and what helps: no other content, and nothing that lets everybody read it.
fn denied(source: &Source, whom: &Sought) -> Option<Finding> {
    let (Source::File(file) | Source::OAuth { grant_file: file, .. }) = source else { return None };
    let look = || {
        let error = File::open(file).err().filter(|error| error.kind() == ErrorKind::PermissionDenied)?;
        let found = format!("{} cannot read {}: {error}", user(), file.display());
        Some(Finding::bad(LOGIN, found, owner::secret_advice(file)))
    };
    whom::look(whom, look).unwrap_or_else(|why| Some(Finding::not_applicable(LOGIN, why)))
}

async fn connect(address: SocketAddr) -> std::io::Result<()> {
    match timeout(STEP, TcpStream::connect(address)).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

/// Asks for the sessions of the last hour, which changes nothing. `fix` is for a token that is not accepted.
async fn ask(settings: api::Settings, shown: &str, fix: &str) -> Vec<Finding> {
    let reached = || Finding::good(WAY, format!("{shown} can be reached"));
    if let Err(error) = Tokens::new(settings.source.clone()).header().await {
        return vec![reached(), Finding::bad(LOGIN, error.to_string(), fix)];
    }
    let settings = api::Settings { connect_timeout: STEP, read_timeout: REQUEST, request_timeout: REQUEST, ..settings };
    let client = match Client::new(settings) {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::bad(WAY, error.to_string(), "install the system's certificates: ca-certificates")];
        }
    };
    let end = Timestamp::now();
    let window = Window { start: end.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(end), end };
    let answers = || Finding::good(WAY, format!("{shown} answers"));
    match client.list(window).await {
        Ok(_) | Err(Failure::Park { .. }) => vec![answers(), Finding::good(LOGIN, "accepted")],
        Err(Failure::Stop { why: Stop::Credentials, reason }) => vec![answers(), Finding::bad(LOGIN, reason, fix)],
        Err(Failure::Stop { why: Stop::Permission, reason }) => {
            let fix =
                format!("the token is good for something else: it needs the right to read and write sessions; {fix}");
            vec![answers(), Finding::bad(LOGIN, reason, fix)]
        }
        Err(Failure::Stop { why: Stop::Closed, reason }) => {
            let fix =
                "see that destination.url is right up to the part before /users, and that the API is enabled there";
            vec![Finding::bad(WAY, format!("{shown}: {reason}"), fix)]
        }
        Err(Failure::Retry { reason, .. }) => {
            let fix = match reason.contains("certificate") {
                true => {
                    "the server has to show a certificate for this name that this machine trusts: see its certificate, the system's (ca-certificates, SSL_CERT_FILE), and the clock"
                }
                false => {
                    "nothing to be done here if it passes: fitferry goes on trying; else ask whoever runs the server"
                }
            };
            vec![Finding::bad(WAY, format!("{shown}: {reason}"), fix)]
        }
    }
}
