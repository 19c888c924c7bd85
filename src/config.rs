//! The settings: their types and defaults, where they come from, and what they must satisfy. The only reader of
//! settings files and of the environment.

mod check;
mod declare;
mod destination;
mod example;
mod folder;
mod keys;
mod layers;
mod limits;
mod listen;
mod period;
mod places;
mod redacted;
mod reference;
mod rules;
mod settings;
mod size;

pub use check::{Account, Config, is_name};
pub use destination::{ClientIdentity, Credentials, Destination, OAuthClient, Provider, is_safe};
pub use example::example;
pub use folder::{Afterwards, Folder, OnRemoved, Watching};
pub use limits::Limits;
pub use listen::{Listen, TcpAddress};
pub use period::Period;
pub use places::real;
pub use redacted::Redacted;
pub use reference::reference;
pub use rules::RulesSettings;
pub use settings::{
    AccountSettings, DeliverySettings, DestinationSettings, DiskSettings, LogFormat, LogLevel, LogSettings,
    MonitorSettings, OAuthSettings, OnDeleted, OnEdited, OnTwin, Order, ReconcileSettings, ServerSettings, Settings,
    WatchSettings, WindowRule,
};
pub use size::Size;

use std::path::{Path, PathBuf};

/// What the command line says, above every other layer.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub folders: Vec<PathBuf>,
    pub listen: Option<TcpAddress>,
}

/// Reads all layers (defaults, file, environment, flags) and checks the result.
pub fn load(flags: &Flags) -> Result<Config, Error> {
    let environment = places::Environment::of_process()?;
    let file = places::config_file(flags.config.as_deref(), &environment)?;
    let settings = layers::merge(file.as_deref(), &environment, flags)?;
    check::check(settings, file, flags, &environment)
}

/// Why the settings cannot be used; every message names the key or file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Syntax(String),
    #[error("unknown key `{key}` in {origin}{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey { key: String, origin: String, suggestion: Option<String> },
    #[error("`{key}` {what}")]
    Value { key: String, what: String },
    #[error("no state directory: set --state-dir, `state_dir` in the configuration, or $HOME")]
    NoStateDir,
}

impl Error {
    fn value(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Value { key: key.into(), what: what.into() }
    }
}

/// The directory a relative path of a settings file starts from.
fn absolute(path: &Path, base: &Path) -> PathBuf {
    if path.is_absolute() { path.to_path_buf() } else { base.join(path) }
}
