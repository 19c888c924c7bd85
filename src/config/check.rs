//! From settings to a configuration that makes sense, or the reason why they do not.

use super::declare::{Kind, Table};
use super::destination::{self, Credentials, Destination};
use super::limits::{self, Limits};
use super::places::Environment;
use super::rules;
use super::{
    AccountSettings, DeliverySettings, DestinationSettings, Error, Flags, Folder, Listen, Period, Settings, places,
};
use crate::port;
use crate::rules::Rules;
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The one account of a configuration that does not speak of accounts.
const ONLY_ACCOUNT: &str = "me";

/// Settings that have been checked and resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    pub state_dir: PathBuf,
    pub accounts: Vec<Account>,
    /// The settings as merged, for `config show` and for everything that needs no resolving.
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub zone: TimeZone,
    pub folders: Vec<Folder>,
    pub rules: Arc<Rules>,
    pub destination: Destination,
    pub limits: Limits,
}

impl Config {
    pub fn embeds_server(&self) -> bool {
        self.accounts.iter().any(|account| account.destination == Destination::Embedded)
    }

    /// The account that a command is about, which need not be named if there is only one.
    pub fn account(&self, name: Option<&str>) -> Result<&Account, Error> {
        let names = || self.accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>().join(", ");
        match (name, &self.accounts[..]) {
            (Some(name), accounts) => match accounts.iter().find(|account| account.name == name) {
                Some(account) => Ok(account),
                None => Err(Error::value("--account", format!("is \"{name}\"; there are: {}", names()))),
            },
            (None, [account]) => Ok(account),
            (None, _) => Err(Error::value("--account", format!("is needed, as there are several: {}", names()))),
        }
    }

    /// The file with what an account's OAuth login brought.
    pub fn grant_file(&self, account: &str) -> PathBuf {
        self.state_dir.join(format!("oauth-{account}.json"))
    }

    /// The file with an account's token for the embedded server.
    pub fn server_token_file(&self, account: &str) -> PathBuf {
        let name = if account == ONLY_ACCOUNT { "server-token".to_owned() } else { format!("server-token-{account}") };
        self.state_dir.join(name)
    }
}

pub fn check(
    mut settings: Settings,
    file: Option<PathBuf>,
    flags: &Flags,
    environment: &Environment,
) -> Result<Config, Error> {
    in_range(&settings)?;
    if settings.state_dir.as_deref().is_some_and(is_empty) {
        return Err(Error::value("state_dir", "is empty"));
    }
    let state_dir = places::state_dir(settings.state_dir.clone(), environment)?;
    let state_dir = std::path::absolute(&state_dir)
        .map_err(|error| Error::value("state_dir", format!("cannot be resolved: {error}")))?;
    settings.state_dir = Some(state_dir.clone());
    if settings.monitor.heartbeat.as_ref().is_some_and(|url| !is_web_address(url.expose())) {
        return Err(Error::value("monitor.heartbeat", "is no address that begins with http:// or https://"));
    }
    let accounts = accounts(&mut settings, flags, environment)?;
    apart(&state_dir, &accounts)?;
    let config = Config { file, state_dir, accounts, settings };
    one_listener_each(&config)?;
    Ok(config)
}

/// The system would refuse the second one, with poorer words.
fn one_listener_each(config: &Config) -> Result<(), Error> {
    let server = config.settings.server.listen.get();
    match config.settings.monitor.listen {
        Some(Listen::Tcp(monitor)) if config.embeds_server() && port::overlap(monitor, server) => {
            let what = format!("is {monitor}, where `server.listen` is already ({server}); give it a port of its own");
            Err(Error::value("monitor.listen", what))
        }
        _ => Ok(()),
    }
}

fn is_web_address(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn accounts(settings: &mut Settings, flags: &Flags, environment: &Environment) -> Result<Vec<Account>, Error> {
    let written = if settings.account.is_empty() {
        let folders = settings.folders.clone().unwrap_or_else(|| vec![PathBuf::from("workouts").into()]);
        vec![AccountSettings { name: ONLY_ACCOUNT.to_owned(), folders, ..AccountSettings::default() }]
    } else {
        if settings.folders.is_some() {
            let what = if flags.folders.is_empty() {
                "stands beside [[account]]; move the folders into the account they belong to"
            } else {
                "cannot be given with --watch when the configuration has [[account]]"
            };
            return Err(Error::value("folders", what));
        }
        settings.account.clone()
    };
    let mut accounts = Vec::with_capacity(written.len());
    for account in &written {
        accounts.push(resolve(account, settings, environment)?);
    }
    distinct(&accounts)?;
    if let (None, [account]) = (settings.account.first(), &accounts[..]) {
        settings.folders = Some(account.folders.clone());
    }
    Ok(accounts)
}

fn resolve(account: &AccountSettings, settings: &Settings, environment: &Environment) -> Result<Account, Error> {
    let name = &account.name;
    if !is_name(name) {
        return Err(Error::value("account.name", format!("is \"{name}\"; use letters, digits, - and _, at most 64")));
    }
    if account.folders.is_empty() {
        return Err(Error::value("account.folders", format!("is empty for the account {name}")));
    }
    let mut folders = Vec::with_capacity(account.folders.len());
    for folder in &account.folders {
        if is_empty(&folder.path) {
            return Err(Error::value(
                "folders",
                format!("has an entry without a path among those of the account {name}"),
            ));
        }
        let path = std::path::absolute(&folder.path)
            .map_err(|error| Error::value("folders", format!("cannot resolve {}: {error}", folder.path.display())))?;
        let is_below = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(sentinel) = folder.sentinel.as_deref().filter(|path| is_empty(path) || !is_below(path)) {
            let what = format!("is \"{}\", which is no path below {}", sentinel.display(), path.display());
            return Err(Error::value("folders.sentinel", what));
        }
        folders.push(Folder { path, ..folder.clone() });
    }
    let zone = account.timezone.as_deref().or(settings.timezone.as_deref()).unwrap_or("system");
    let zone = self::zone("timezone", zone)?;
    let rules = rules::resolve(account, settings, &zone, &folders)?.into();
    let own = &account.destination;
    let destination = if *own == DestinationSettings::default() { &settings.destination } else { own };
    let destination = destination::resolve(destination, environment)?;
    let limits = limits::resolve(&settings.delivery, &destination)?;
    Ok(Account { name: name.clone(), zone, folders, rules, destination, limits })
}

/// Whether people and their files can be called this.
pub fn is_name(name: &str) -> bool {
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.len() <= 64 && name.chars().all(is_name_char)
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

pub(super) fn zone(key: &str, name: &str) -> Result<TimeZone, Error> {
    if name == "system" {
        // A container without zone data is in UTC for all we can know.
        return Ok(TimeZone::try_system().unwrap_or(TimeZone::UTC));
    }
    TimeZone::get(name)
        .map_err(|_| Error::value(key, format!("is \"{name}\"; use an IANA name such as \"Europe/Berlin\"")))
}

/// With the real path of a token file, however it is written.
fn resolved(credentials: &Credentials) -> Credentials {
    match credentials {
        Credentials::TokenFile(path) => Credentials::TokenFile(places::real(path)),
        other => other.clone(),
    }
}

/// Two accounts must not share what belongs to one person.
fn distinct(accounts: &[Account]) -> Result<(), Error> {
    let mut names = HashSet::new();
    let mut tokens: Vec<Credentials> = Vec::new();
    let mut folders: Vec<(PathBuf, &str)> = Vec::new();
    for account in accounts {
        if !names.insert(&account.name) {
            return Err(Error::value("account.name", format!("\"{}\" is used twice", account.name)));
        }
        if let Destination::Remote { credentials, .. } = &account.destination
            && !matches!(credentials, Credentials::OAuth(_))
            && tokens.contains(&resolved(credentials))
        {
            let what = format!("of {} is that of another account too; each person has a token", account.name);
            return Err(Error::value("destination.token_file", what));
        } else if let Destination::Remote { credentials, .. } = &account.destination {
            tokens.push(resolved(credentials));
        }
        for folder in account.folders.iter().map(|folder| places::real(&folder.path)) {
            let clash = folders.iter().find(|(other, _)| folder.starts_with(other) || other.starts_with(&folder));
            if let Some((other, owner)) = clash {
                let (folder, other) = (folder.display(), other.display());
                let what = format!("{folder} of {} and {other} of {owner} lie within each other", account.name);
                return Err(Error::value("folders", what));
            }
            folders.push((folder, &account.name));
        }
    }
    Ok(())
}

/// Whoever closes a file that SQLite has open takes its locks away from it, and each verdict on the databases would be news in
/// them.
fn apart(state_dir: &Path, accounts: &[Account]) -> Result<(), Error> {
    let real = places::real(state_dir);
    let mut folders = accounts.iter().flat_map(|account| &account.folders);
    let Some(folder) = folders.find(|folder| real.starts_with(places::real(&folder.path))) else { return Ok(()) };
    let (state_dir, folder) = (state_dir.display(), folder.path.display());
    let what = format!("is {state_dir}, which lies in the watched folder {folder}: it wants a place outside of it");
    Err(Error::value("state_dir", what))
}

/// As the keys are declared.
fn in_range(settings: &Settings) -> Result<(), Error> {
    let written = toml::Table::try_from(settings).map_err(|error| Error::Syntax(error.to_string()))?;
    in_range_below(&written, Settings::TABLE, "")?;
    let DeliverySettings { retry_first, retry_longest, .. } = &settings.delivery;
    if retry_longest < retry_first {
        return Err(Error::value("delivery.retry_longest", format!("is {retry_longest}, below retry_first")));
    }
    Ok(())
}

fn in_range_below(written: &toml::Table, table: &Table, path: &str) -> Result<(), Error> {
    for key in table.keys {
        let Some(value) = written.get(key.name) else { continue };
        if let (toml::Value::Table(below), Kind::Table(table)) = (value, key.kind) {
            in_range_below(below, table, &key.below(path))?;
        }
        let Some((least, most)) = key.range else { continue };
        let value = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_within = |value| Some((magnitude(least)?..=magnitude(most)?).contains(&value));
        if magnitude(&value).and_then(is_within) != Some(true) {
            let unit = key.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
            let what = format!("is {value}; use {least} to {most}{unit}");
            return Err(Error::value(key.below(path), what));
        }
    }
    Ok(())
}

/// What is compared of a number, or of a span of time.
fn magnitude(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| Some(text.parse::<Period>().ok()?.get().as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(toml: &str) -> Result<Config, Error> {
        let environment = Environment::of(&[("HOME", "/home/anna")]);
        check(toml::from_str(toml).unwrap(), None, &Flags::default(), &environment)
    }

    #[test]
    fn nothing_at_all_is_enough() {
        let config = checked("").unwrap();
        assert_eq!(config.state_dir, Path::new("/home/anna/.local/state/fitferry"));
        assert_eq!(config.accounts.len(), 1);
        assert!(config.accounts[0].folders[0].path.ends_with("workouts"));
        assert!(config.embeds_server());
        assert!(config.server_token_file("me").ends_with("server-token"));
    }

    #[test]
    fn accounts_inherit_and_stay_apart() {
        let config = checked(
            "timezone = 'Asia/Tokyo'
             [[account]]
             name = 'anna'
             folders = ['/a']
             [[account]]
             name = 'ben'
             folders = ['/b']
             timezone = 'Europe/Berlin'
             destination.url = 'https://example.org/fitness/v1/users/'
             destination.token_file = '/t'",
        )
        .unwrap();
        let [anna, ben] = &config.accounts[..] else { panic!("{:?}", config.accounts) };
        assert_eq!(anna.zone.iana_name(), Some("Asia/Tokyo"));
        assert_eq!(anna.destination, Destination::Embedded);
        assert_eq!(ben.zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(ben.destination.identity(), "https://example.org/fitness/v1");
        assert!(config.server_token_file("anna").ends_with("server-token-anna"));
    }

    /// What is said to hold when a key is left out, written out, makes no difference.
    #[test]
    fn what_holds_without_a_key_is_told_truly() {
        fn written(table: &Table, path: &str, toml: &mut String) {
            for key in table.keys {
                match (key.kind, key.unset) {
                    (Kind::Table(below), _) => written(below, &key.below(path), toml),
                    (_, Some(value)) => *toml += &format!("{} = {value}\n", key.below(path)),
                    _ => {}
                }
            }
        }
        let mut all = String::new();
        written(Settings::TABLE, "", &mut all);
        let (of_login, others): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| line.contains(".oauth."));
        assert!(of_login.len() >= 4 && others.len() >= 7, "{all}");
        let accounts = |toml: &str| format!("{:?}", checked(toml).unwrap().accounts);
        assert_eq!(accounts(&others.join("\n")), accounts(""));
        let login = "destination.url = 'https://example.org/v1'\ndestination.oauth.client_id = 'a'\n";
        assert_eq!(accounts(&format!("{login}{}", of_login.join("\n"))), accounts(login));
    }

    #[test]
    fn only_googles_api_is_asked_slowly_by_itself() {
        let rate = |toml: &str| checked(toml).unwrap().accounts[0].limits.rate;
        assert_eq!(rate(""), None);
        assert_eq!(rate("delivery.rate = 0.5"), Some(0.5));
        let google = "destination = {url = 'https://www.googleapis.com/fitness/v1', token = 't'}";
        assert_eq!(rate(google), Some(1.0));
        assert_eq!(rate(&format!("delivery.rate = 9\n{google}")), Some(9.0));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (toml, word) in [
            ("server.listen = '0.0.0.0:1'\nmonitor.listen = '127.0.0.1:1'", "`monitor.listen` is 127.0.0.1:1"),
            ("monitor.heartbeat = 'hc-ping.com/1'", "`monitor.heartbeat` is no address"),
            ("delivery.concurrency = 0", "1 to 64"),
            ("delivery.rate = 0", "0.001 to 1000"),
            ("delivery.burst = 0", "1 to 10000"),
            ("delivery.daily = 0", "leave it out"),
            ("delivery.daily_zone = 'Mars'", "`delivery.daily_zone` is \"Mars\""),
            ("watch.settle = '0s'", "100ms to 1d"),
            ("watch.removed_grace = '0s'", "100ms to 365d"),
            ("watch.removed_share = 20", "0 to 1"),
            ("folders = [{path = ''}]", "`folders`"),
            ("delivery.retry_longest = '1s'", "retry_first"),
            ("timezone = 'Europe/Berln'", "Europe/Berln"),
            ("destination.url = 'http://example.org/v1'", "https"),
            ("destination.url = 'ftp://example.org'", "embedded"),
            ("destination.url = 'https://u:p@example.org'", "token_file"),
            ("destination.url = 'https://example.org'", "token_file"),
            ("destination = {url = 'https://a.org', token = 'a', token_file = '/t'}", "keep one"),
            ("destination = {url = 'https://a.org', token_command = []}", "program"),
            ("destination = {url = 'https://a.org', oauth = {client_id = 'a', client_file = '/c'}}", "keep one"),
            ("destination = {url = 'https://a.org', oauth = {client_id = 'a', token_url = 'https://b.org'}}", "both"),
            ("destination = {url = 'https://a.org', oauth = {client_id = 'a', issuer = 'http://b.org'}}", "https"),
            ("[[account]]\nname = 'a b'\nfolders = ['/a']", "a b"),
            ("[[account]]\nname = 'a'", "empty"),
            ("[[account]]\nname = 'a'\nfolders = ['/a']\n[[account]]\nname = 'a'\nfolders = ['/b']", "twice"),
            ("[[account]]\nname = 'a'\nfolders = ['/a']\n[[account]]\nname = 'b'\nfolders = ['/a/b']", "within"),
            ("[[account]]\nname = 'a'\nfolders = ['/q/../a']\n[[account]]\nname = 'b'\nfolders = ['/a/./']", "within"),
            ("folders = ['']", "`folders`"),
            ("state_dir = ''", "`state_dir`"),
            ("folders = ['/x']\n[[account]]\nname = 'a'\nfolders = ['/a']", "[[account]]"),
        ] {
            let error = checked(toml).unwrap_err().to_string();
            assert!(error.contains(word), "{toml}: {error}");
        }
        for url in ["http://u:secretpw@h/v1", "ftp://u:secretpw@h", "https://u:secretpw@h:port", "u:secretpw@h"] {
            let error = checked(&format!("destination.url = '{url}'")).unwrap_err().to_string();
            assert!(error.contains("destination.url") && !error.contains("secretpw"), "{url}: {error}");
        }
        assert!(checked("destination = {url = 'http://[::1]:1/v1', token_file = '/t'}").is_ok());
        assert!(checked("destination = {url = 'http://nas.lan/v1', allow_http = true, token = 't'}").is_ok());
    }
}
