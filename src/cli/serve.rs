//! `fitferry serve`: the sessions API server alone, and the tokens of those who may use it.

use super::{Exit, Global, output};
use crate::config::{self, Config, Flags, TcpAddress};
use crate::server::Ears;
use crate::{daemon, events, ferry, server, telemetry};
use secrecy::ExposeSecret;
use std::io::Write;

/// Serves the sessions API alone, without watching or delivering anything.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Serve {
    /// Where to listen, instead of the configured address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<TcpAddress>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Makes, lists and takes back the tokens of those who may use the server.
    #[command(subcommand)]
    Token(Token),
}

#[derive(clap::Subcommand)]
enum Token {
    /// Makes a token for a user, who is made if there is none of this name, and shows it this once.
    Add {
        /// The user: letters, digits, - and _.
        #[arg(value_name = "NAME", value_parser = user_name)]
        name: String,
    },
    /// Takes all tokens back that were made for a user. The sessions stay.
    Remove {
        /// The user whose tokens they are.
        #[arg(value_name = "NAME", value_parser = user_name)]
        name: String,
    },
    /// Lists the users, how many sessions they have, and when their tokens were made.
    List {
        /// One JSON object per user.
        #[arg(long)]
        json: bool,
    },
}

impl Serve {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&Flags { listen: self.listen, ..global.flags() })?;
        match &self.verb {
            None => serve(&config),
            Some(Verb::Token(token)) => token.run(&config),
        }
    }
}

fn serve(config: &Config) -> anyhow::Result<Exit> {
    telemetry::start(&config.settings.log);
    ferry::enter(&config.state_dir)?;
    let users = ferry::users(config)?;
    let settings = &config.settings.server;
    let ears = daemon::given()?.unwrap_or(Ears::At(settings.listen.get()));
    let server = server::start(&config.state_dir, ears, settings.window, &users)?;
    for account in &config.accounts {
        events::server_ready(server.address, &config.server_token_file(&account.name));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(daemon::serve(server))?;
    Ok(Exit::Done)
}

impl Token {
    fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let dir = &config.state_dir;
        let mut out = output::stdout();
        match self {
            Self::Add { name } => {
                ferry::enter(dir)?;
                writeln!(out, "{}", server::add_token(dir, name)?.expose_secret())?;
            }
            Self::Remove { name } => {
                let removed = server::remove_tokens(dir, name)?;
                writeln!(out, "{removed} tokens of {name} are taken back")?;
                if removed == 0 {
                    out.flush()?;
                    return Ok(Exit::SomeInputFailed);
                }
            }
            Self::List { json } => {
                for user in server::users(dir)? {
                    if *json {
                        output::json_line(&mut out, &user)?;
                    } else {
                        let made: Vec<String> = user.tokens.iter().map(|time| format!("{time:.0}")).collect();
                        writeln!(
                            out,
                            "{}  {} sessions  {} tokens  {}",
                            user.name,
                            user.sessions,
                            made.len(),
                            made.join(" ")
                        )?;
                    }
                }
            }
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

fn user_name(name: &str) -> Result<String, String> {
    if config::is_name(name) { Ok(name.to_owned()) } else { Err("use letters, digits, - and _, at most 64".to_owned()) }
}
