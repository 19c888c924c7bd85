//! `fitferry auth`: logs an account in at its provider, out again, and tells how long that lasts.

use super::{Exit, Global, output};
use crate::auth::{self, Grant, Session, login};
use crate::config::{self, Account, Config, Credentials, Destination};
use crate::control;
use crate::ferry::StartFailure;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::io::{BufReader, Write};
use std::os::unix::fs::DirBuilderExt;

/// Google ends logins of clients whose consent screen is in "Testing" after this long.
const TESTING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Logs an account in where its sessions go, by OAuth.
#[derive(clap::Args)]
pub struct Auth {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Prints a link to open in a browser, and waits for its answer.
    ///
    /// On a machine without a browser, open the link elsewhere and paste the address at which the browser ends, even if
    /// it says that it cannot connect. Or forward a port with `ssh -L 8731:127.0.0.1:8731` and say `--port 8731`.
    Login {
        /// Whose login, if the configuration has several accounts.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Where the browser comes back to on this machine; any free port by default.
        #[arg(long, value_name = "PORT", default_value_t = 0)]
        port: u16,
    },
    /// Takes the login back at the provider and forgets it here.
    Logout {
        /// Whose login, if the configuration has several accounts.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Tells who is logged in, for what, and until when.
    Status {
        /// One JSON object per account.
        #[arg(long)]
        json: bool,
    },
}

impl Auth {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        match &self.verb {
            Verb::Login { account, port } => log_in(&config, config.account(account.as_deref())?, *port),
            Verb::Logout { account } => log_out(&config, config.account(account.as_deref())?),
            Verb::Status { json } => status(&config, *json),
        }
    }
}

fn session(account: &Account) -> Result<Session, config::Error> {
    match &account.destination {
        Destination::Remote { credentials: Credentials::OAuth(client), .. } => {
            Ok(Session::new((**client).clone(), &account.name))
        }
        _ => Err(config::Error::Value {
            key: "destination.oauth".to_owned(),
            what: format!("is not set for the account {}, so there is nothing to log in to", account.name),
        }),
    }
}

fn log_in(config: &Config, account: &Account, port: u16) -> anyhow::Result<Exit> {
    let session = session(account)?;
    let dir = &config.state_dir;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| StartFailure::StateDir { dir: dir.clone(), source })?;
    let show = |link: &reqwest::Url, address| {
        let mut out = output::stdout();
        let words = format!(
            "Open this link in a browser:\n\n{link}\n\nThe browser comes back to {address}. If it cannot, because it runs on \
             another machine,\npaste the address at which it ended here:"
        );
        // Without a place to print it, nobody will come back, and that is said in the end.
        let _ = writeln!(out, "{words}").and_then(|()| out.flush());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let grant = runtime.block_on(login::run(&session, port, BufReader::new(std::io::stdin()), show));
    let grant = match grant {
        Ok(grant) => grant,
        Err(error) => return refused(&error),
    };
    grant.write(&config.grant_file(&account.name))?;
    if let Some(mut daemon) = control::connect(dir) {
        // A daemon that does not hear it finds the login with its next probe.
        let _ = daemon.sender.send(&control::Request::Probe { account: account.name.clone() });
    }
    let mut out = output::stdout();
    writeln!(out, "{} is logged in for: {}", account.name, grant.scope)?;
    if session.is_googles() {
        writeln!(out, "{}", testing_hint(&grant))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn testing_hint(grant: &Grant) -> String {
    let end = grant.since.saturating_add(TESTING).unwrap_or(Timestamp::MAX);
    format!(
        "If the consent screen of your Google project is in \"Testing\", Google ends this login at {end:.0}; set it to \"In production\" and log in again."
    )
}

fn log_out(config: &Config, account: &Account) -> anyhow::Result<Exit> {
    let session = session(account)?;
    let file = config.grant_file(&account.name);
    let mut out = output::stdout();
    let Some(grant) = Grant::read(&file)? else {
        writeln!(out, "{} is not logged in", account.name)?;
        out.flush()?;
        return Ok(Exit::Done);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let revoked = runtime.block_on(session.revoke(&grant));
    Grant::remove(&file)?;
    match &revoked {
        Ok(()) => writeln!(out, "{} is logged out", account.name)?,
        Err(error) => writeln!(
            out,
            "{} is logged out here, but not at the provider: {error}; take fitferry's access back in your account there",
            account.name
        )?,
    }
    out.flush()?;
    Ok(if revoked.is_ok() { Exit::Done } else { Exit::TryAgainLater })
}

fn refused(error: &auth::Error) -> anyhow::Result<Exit> {
    output::complain(error);
    Ok(match error {
        auth::Error::Later(_) => Exit::TryAgainLater,
        auth::Error::Person(_) => Exit::CredentialsNeeded,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    account: &'a str,
    /// embedded, token, token-file, token-command or oauth
    kind: &'static str,
    logged_in: Option<bool>,
    scope: Option<String>,
    since: Option<Timestamp>,
    /// Of the access token, which is refreshed by itself.
    expires: Option<Timestamp>,
    hint: Option<String>,
}

fn status(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let mut exit = Exit::Done;
    for account in &config.accounts {
        let status = status_of(config, account)?;
        if status.logged_in == Some(false) {
            exit = Exit::CredentialsNeeded;
        }
        if json {
            output::json_line(&mut out, &status)?;
            continue;
        }
        write!(out, "{}  {}", status.account, status.kind)?;
        match (&status.scope, status.since, status.expires) {
            (Some(scope), Some(since), expires) => {
                write!(out, "  logged in since {since:.0} for {scope}")?;
                if let Some(expires) = expires {
                    write!(out, "; the access token ends at {expires:.0} and is refreshed before")?;
                }
            }
            _ if status.logged_in == Some(false) => {
                write!(out, "  not logged in; run: fitferry auth login --account {}", status.account)?;
            }
            _ => {}
        }
        writeln!(out)?;
        if let Some(hint) = status.hint {
            writeln!(out, "    {hint}")?;
        }
    }
    out.flush()?;
    Ok(exit)
}

fn status_of<'a>(config: &Config, account: &'a Account) -> anyhow::Result<Status<'a>> {
    let kind = match &account.destination {
        Destination::Embedded => "embedded",
        Destination::Remote { credentials, .. } => match credentials {
            Credentials::Token(_) => "token",
            Credentials::TokenFile(_) => "token-file",
            Credentials::TokenCommand(_) => "token-command",
            Credentials::OAuth(_) => "oauth",
        },
    };
    let mut status =
        Status { account: &account.name, kind, logged_in: None, scope: None, since: None, expires: None, hint: None };
    if kind == "oauth" {
        let grant = Grant::read(&config.grant_file(&account.name))?;
        status.logged_in = Some(grant.is_some());
        if let Some(grant) = grant {
            status.hint = session(account)?.is_googles().then(|| testing_hint(&grant));
            status.since = Some(grant.since);
            status.expires = grant.expires;
            status.scope = Some(grant.scope);
        }
    }
    Ok(status)
}
