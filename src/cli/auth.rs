//! `fitferry auth`: logs an account in at its provider, out again, and tells how long that lasts.

use super::{Exit, Global, output};
use crate::auth::{self, Grant, Session, login};
use crate::config::{self, Account, Config, Credentials, Destination};
use crate::control;
use crate::escape;
use crate::ferry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::io::{BufReader, ErrorKind, Write};
use std::path::Path;

/// Google ends logins of clients whose consent screen is in "Testing" after this long.
const TESTING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is left to do about a login that the provider still honours.
const TAKE_BACK: &str = "take fitferry's access back in your account there";

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
    ferry::enter(dir)?;
    let show = |link: &reqwest::Url, address| {
        let mut out = output::stdout();
        let words = format!(
            "Open this link in a browser:\n\n{link}\n\nThe browser comes back to {address}. If it cannot, because it runs on \
             another machine,\npaste the address at which it ended here:"
        );
        // Without a place to print it, nobody will come back, and that is said in the end.
        let _ = writeln!(out, "{words}").and_then(|()| out.flush());
    };
    let file = config.grant_file(&account.name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let grant = runtime.block_on(async {
        Grant::rehearse(&file).await.map_err(|error| auth::Error::Later(error.to_string()))?;
        let grant = login::run(&session, port, BufReader::new(std::io::stdin()), show).await?;
        keep(&session, &grant, &file).await?;
        Ok(grant)
    });
    let grant = match grant {
        Ok(grant) => grant,
        Err(error) => return refused(&error),
    };
    tell_daemon(config, account);
    let mut out = output::stdout();
    writeln!(out, "{} is logged in for: {}", account.name, escape::text(&grant.scope))?;
    if session.is_googles() {
        writeln!(out, "{}", testing_hint(&grant))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Writes a new login down. One that cannot be kept is taken back, so that nothing is left of it anywhere.
async fn keep(session: &Session, grant: &Grant, file: &Path) -> Result<(), auth::Error> {
    let written = match Grant::hold(file).await {
        Ok(_hold) => grant.write(file),
        Err(error) => Err(error),
    };
    let Err(error) = written else { return Ok(()) };
    // Many providers would end an earlier login along with this one.
    let earlier = matches!(Grant::read(file), Ok(Some(earlier)) if earlier.ended.is_none());
    let given_up = if earlier { Ok(()) } else { session.revoke(grant).await };
    let rest = match given_up {
        Ok(()) if earlier => "the earlier login stays".to_owned(),
        Ok(()) => "this login was given up".to_owned(),
        Err(error) => format!("this login was not taken back at the provider ({error}); {TAKE_BACK}"),
    };
    Err(auth::Error::Later(format!("{error}, and log in again; {rest}")))
}

/// A daemon that does not hear it finds out with its next probe.
fn tell_daemon(config: &Config, account: &Account) {
    if let Some(mut daemon) = control::connect(&config.state_dir) {
        let _ = daemon.sender.send(&control::Request::Probe { account: account.name.clone() });
    }
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // From here on a daemon does not refresh it; what it has got meanwhile is what has to be taken back.
    let hold = if Grant::exists(&file)? { Some(runtime.block_on(Grant::hold(&file))?) } else { None };
    let revoked = match Grant::read(&file) {
        Ok(None) => None,
        // There is nothing left to take back, and some providers call it an error to try.
        Ok(Some(grant)) if grant.ended.is_some() => Some(Ok(())),
        Ok(Some(grant)) => Some(runtime.block_on(session.revoke(&grant))),
        Err(error) if error.kind() == ErrorKind::InvalidData => Some(Err(auth::Error::Later(error.to_string()))),
        Err(error) => return Err(error.into()),
    };
    Grant::remove(&file)?;
    drop(hold);
    if revoked.is_some() {
        tell_daemon(config, account);
    }
    match &revoked {
        None => writeln!(out, "{} is not logged in", account.name)?,
        Some(Ok(())) => writeln!(out, "{} is logged out", account.name)?,
        Some(Err(error)) => {
            writeln!(out, "{} is logged out here, but not at the provider: {error}; {TAKE_BACK}", account.name)?;
        }
    }
    out.flush()?;
    Ok(if matches!(revoked, Some(Err(_))) { Exit::TryAgainLater } else { Exit::Done })
}

fn refused(error: &auth::Error) -> anyhow::Result<Exit> {
    output::complain(error);
    Ok(match error {
        auth::Error::Later(_) => Exit::TryAgainLater,
        auth::Error::Person(_) | auth::Error::Ended(_) => Exit::CredentialsNeeded,
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
    /// Why the login is no good, or cannot be looked at, and what to do.
    problem: Option<String>,
    hint: Option<String>,
}

fn status(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let mut exit = Exit::Done;
    for account in &config.accounts {
        let status = status_of(config, account)?;
        if status.logged_in == Some(false) {
            exit = Exit::CredentialsNeeded;
        } else if status.problem.is_some() && exit == Exit::Done {
            exit = Exit::SomeInputFailed;
        }
        if json {
            output::json_line(&mut out, &status)?;
            continue;
        }
        status.print(&mut out)?;
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
    let mut status = Status {
        account: &account.name,
        kind,
        logged_in: None,
        scope: None,
        since: None,
        expires: None,
        problem: None,
        hint: None,
    };
    if kind == "oauth" {
        status.look(&session(account)?, &config.grant_file(&account.name));
    }
    Ok(status)
}

impl Status<'_> {
    fn look(&mut self, session: &Session, file: &Path) {
        match Grant::read(file) {
            Ok(None) => {
                self.logged_in = Some(false);
                self.problem = Some(session.needs_login("not logged in").to_string());
            }
            Ok(Some(grant)) => {
                self.logged_in = Some(grant.ended.is_none());
                self.hint = session.is_googles().then(|| testing_hint(&grant));
                self.since = Some(grant.since);
                self.expires = grant.expires;
                self.scope = Some(grant.scope);
                self.problem = grant.ended;
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.logged_in = Some(false);
                self.problem = Some(session.needs_login(&error.to_string()).to_string());
            }
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut line = format!("{}  {}", self.account, self.kind);
        if let Some(problem) = &self.problem {
            line += &format!("  {problem}");
        } else if let (Some(scope), Some(since)) = (&self.scope, self.since) {
            line += &format!("  logged in since {since:.0} for {scope}");
            if let Some(expires) = self.expires {
                line += &format!("; the access token ends at {expires:.0} and is refreshed before");
            }
        }
        writeln!(out, "{}", escape::text(&line))?;
        if let Some(hint) = &self.hint {
            writeln!(out, "    {hint}")?;
        }
        Ok(())
    }
}
