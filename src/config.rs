//! The settings: their types and defaults, where they come from, and what they must satisfy. The only reader of
//! settings files and of the environment.

mod check;
mod destination;
mod folder;
mod keys;
mod layers;
mod limits;
mod period;
mod places;
mod redacted;
mod rules;
mod size;

pub use check::{Account, Config, is_name};
pub use destination::{ClientIdentity, Credentials, Destination, OAuthClient, Provider, is_safe};
pub use folder::{Afterwards, Folder, OnRemoved, Watching};
pub use limits::Limits;
pub use period::Period;
pub use places::real;
pub use redacted::Redacted;
pub use rules::RulesSettings;
pub use size::Size;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The documented example, with every key and its default.
pub const EXAMPLE: &str = include_str!("../config/fitferry.toml");

/// What the command line says, above every other layer.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub folders: Vec<PathBuf>,
    pub listen: Option<SocketAddr>,
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

/// The settings as they are written; [`Config`] is what is made of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub state_dir: Option<PathBuf>,
    /// IANA name, or "system".
    pub timezone: Option<String>,
    pub folders: Option<Vec<Folder>>,
    /// IANA names for the local times of single formats.
    pub timezones: BTreeMap<String, String>,
    /// Activity types for vendors' own words.
    pub types: BTreeMap<String, i64>,
    pub rules: RulesSettings,
    pub destination: DestinationSettings,
    pub watch: WatchSettings,
    pub delivery: DeliverySettings,
    pub reconcile: ReconcileSettings,
    pub server: ServerSettings,
    pub disk: DiskSettings,
    pub log: LogSettings,
    pub monitor: MonitorSettings,
    pub account: Vec<AccountSettings>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    pub name: String,
    pub timezone: Option<String>,
    pub folders: Vec<Folder>,
    pub timezones: BTreeMap<String, String>,
    pub types: BTreeMap<String, i64>,
    pub rules: RulesSettings,
    pub destination: DestinationSettings,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DestinationSettings {
    /// "embedded", or the base URL of a sessions API, up to the part before `/users`.
    pub url: Option<String>,
    /// Plain http is taken for other hosts than this one, too.
    pub allow_http: bool,
    /// The bearer token itself; better in the environment than in a file that others read.
    pub token: Option<Redacted>,
    /// A file that holds the bearer token and nothing else.
    pub token_file: Option<PathBuf>,
    /// A program and its arguments, which prints the bearer token.
    pub token_command: Option<Vec<String>>,
    pub oauth: OAuthSettings,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthSettings {
    pub client_id: Option<String>,
    pub client_secret: Option<Redacted>,
    /// Both in one JSON file, as Google's console offers it.
    pub client_file: Option<PathBuf>,
    /// An OpenID provider, which tells its endpoints.
    pub issuer: Option<String>,
    pub authorize_url: Option<String>,
    pub token_url: Option<String>,
    pub revoke_url: Option<String>,
    pub scope: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// How long a file must rest if its format cannot prove it complete.
    pub settle: Period,
    /// How long a truncated file must rest until what is there is taken.
    pub salvage_after: Period,
    /// How often folders are scanned besides listening for events.
    pub scan_every: Period,
    /// How often folders are scanned where events do not tell everything.
    pub poll_every: Period,
    /// How long a removed file may come back before its sessions are deleted, where a folder wants that.
    pub removed_grace: Period,
    /// More files than this at once, or files with more sessions, and a larger share of the folder's files, or of the account's
    /// sessions, than the next, are not believed to be removed.
    pub removed_most: u64,
    pub removed_share: f64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            settle: Period::seconds(2),
            salvage_after: Period::seconds(600),
            scan_every: Period::seconds(3600),
            poll_every: Period::seconds(60),
            removed_grace: Period::seconds(86_400),
            removed_most: 20,
            removed_share: 0.2,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// Which workouts go first.
    pub order: Order,
    /// Requests in flight at once, per account.
    pub concurrency: usize,
    /// Requests a second in the long run, per account; what suits the destination by default.
    pub rate: Option<f64>,
    /// How many may come at once after a rest.
    pub burst: Option<u32>,
    /// Requests a day, per account.
    pub daily: Option<u64>,
    /// IANA name of the zone whose midnight begins that day.
    pub daily_zone: String,
    pub connect_timeout: Period,
    /// How long the server may be silent.
    pub read_timeout: Period,
    /// How long a request may take in all.
    pub request_timeout: Period,
    /// Upper bound of the pause after the first failure; it doubles with each further one.
    pub retry_first: Period,
    pub retry_longest: Period,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            order: Order::default(),
            concurrency: 16,
            rate: None,
            burst: None,
            daily: None,
            daily_zone: "America/Los_Angeles".to_owned(),
            connect_timeout: Period::seconds(10),
            read_timeout: Period::seconds(30),
            request_timeout: Period::seconds(60),
            retry_first: Period::seconds(2),
            retry_longest: Period::seconds(3600),
        }
    }
}

/// Which workouts are sent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    #[default]
    Oldest,
    Newest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReconcileSettings {
    pub every: Period,
    /// How far back the window reaches that is compared.
    pub recent: Period,
    /// What becomes of a session that somebody deleted at the destination.
    pub on_deleted: OnDeleted,
    /// What becomes of a session that somebody changed at the destination.
    pub on_edited: OnEdited,
    /// What becomes of a workout that another application has put there already.
    pub on_twin: OnTwin,
    /// More differences than this at once, and a larger share of what is compared than `mass_share`, are not repaired
    /// before a person has looked.
    pub mass: usize,
    pub mass_share: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDeleted {
    /// It stays deleted.
    #[default]
    Respect,
    Restore,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnEdited {
    /// Theirs is kept, until the source changes.
    #[default]
    Keep,
    Restore,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTwin {
    /// Ours is put beside it.
    #[default]
    Upload,
    /// Theirs is enough.
    Skip,
}

impl Default for ReconcileSettings {
    fn default() -> Self {
        Self {
            every: Period::seconds(3600),
            recent: Period::seconds(14 * 86_400),
            on_deleted: OnDeleted::default(),
            on_edited: OnEdited::default(),
            on_twin: OnTwin::default(),
            mass: 50,
            mass_share: 0.2,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    pub listen: SocketAddr,
    /// Which sessions belong to a window.
    pub window: WindowRule,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8730)), window: WindowRule::default() }
    }
}

/// For whoever looks whether all is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSettings {
    /// Where `/healthz` and `/metrics` are served to everybody who can connect; nowhere by default.
    pub listen: Option<SocketAddr>,
    /// An address that is asked for after each comparison with the destination.
    pub heartbeat: Option<Redacted>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiskSettings {
    /// With less room than this for our databases, new files wait.
    pub pause_below: Size,
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self { pause_below: Size::megabytes(64) }
    }
}

/// When a session belongs to a window; the API changed its mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum WindowRule {
    /// It overlaps, up to a day past the end: since revision 20250819.
    #[default]
    Overlap,
    /// It ends inside: until revision 20240707.
    Ends,
}

impl TryFrom<String> for WindowRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "overlap" => Ok(Self::Overlap),
            "ends" => Ok(Self::Ends),
            _ => Err(format!("\"{text}\" is not a rule; use \"overlap\" or \"ends\"")),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    pub level: LogLevel,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(format!("\"{text}\" is not a level; use \"error\", \"warn\", \"info\" or \"debug\"")),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum LogFormat {
    /// Human; without time and colours under journald.
    #[default]
    Auto,
    Human,
    Logfmt,
    Json,
    Journal,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "logfmt" => Ok(Self::Logfmt),
            "json" => Ok(Self::Json),
            "journal" => Ok(Self::Journal),
            _ => {
                Err(format!("\"{text}\" is not a format; use \"auto\", \"human\", \"logfmt\", \"json\" or \"journal\""))
            }
        }
    }
}

/// The directory a relative path of a settings file starts from.
fn absolute(path: &Path, base: &Path) -> PathBuf {
    if path.is_absolute() { path.to_path_buf() } else { base.join(path) }
}
