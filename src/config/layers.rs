//! Defaults, file, environment and flags, one above the other.

use super::places::Environment;
use super::{Error, Flags, Folder, Settings, absolute, keys, places};
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use std::path::Path;

/// One layer after its keys were checked.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

pub fn merge(file: Option<&Path>, environment: &Environment, flags: &Flags) -> Result<Settings, Error> {
    let mut builder = Config::builder();
    if let Some(path) = file {
        builder = builder.add_source(file_layer(path)?);
    }
    builder = builder.add_source(environment_layer(environment)?);
    if let Some(listen) = flags.listen {
        builder = builder.set_override("server.listen", listen.to_string()).map_err(|error| syntax(&error))?;
    }
    let mut settings: Settings = builder.build().and_then(Config::try_deserialize).map_err(|error| syntax(&error))?;
    // Paths need not be UTF-8, so they go around the library.
    if let Some(dir) = &flags.state_dir {
        settings.state_dir = Some(dir.clone());
    }
    if !flags.folders.is_empty() {
        settings.folders = Some(flags.folders.iter().cloned().map(Folder::from).collect());
    }
    Ok(settings)
}

fn file_layer(path: &Path) -> Result<Layer, Error> {
    let text = places::regular(path).and_then(|()| std::fs::read_to_string(path));
    let text = text.map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?;
    let origin = path.display().to_string();
    let parsed = Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build();
    let table = parsed.map_err(|error| Error::Syntax(format!("{origin}: {}", unquoted(&error))))?.cache;
    let mut table = table.into_table().map_err(|error| syntax(&error))?;
    known_keys_only(&table, &origin, str::to_owned)?;
    whole_numbers_only(&table, &origin)?;
    let base = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for (key, value) in &mut table {
        name_origin(value, &origin);
        resolve_paths(key, value, base);
    }
    Ok(Layer(table))
}

fn environment_layer(environment: &Environment) -> Result<Layer, Error> {
    let source = config::Environment::with_prefix("FITFERRY")
        .prefix_separator("_")
        .separator("__")
        .ignore_empty(true)
        .try_parsing(true)
        .list_separator(",")
        .with_list_parse_key("folders")
        .source(Some(environment.settings().into_iter().collect()));
    let table = source.collect().map_err(|error| syntax(&error))?;
    let built = Config::builder().add_source(Layer(table)).build().map_err(|error| syntax(&error))?;
    let mut table = built.cache.into_table().map_err(|error| syntax(&error))?;
    known_keys_only(&table, "the environment", variable)?;
    whole_numbers_only(&table, "the environment")?;
    for value in table.values_mut() {
        name_origin(value, "the environment");
    }
    Ok(Layer(table))
}

fn known_keys_only(table: &Map<String, Value>, origin: &str, spell: impl Fn(&str) -> String) -> Result<(), Error> {
    match keys::find_unknown(table) {
        None => Ok(()),
        Some(unknown) => Err(Error::UnknownKey {
            key: spell(&unknown.key),
            origin: origin.to_owned(),
            suggestion: unknown.nearest.map(|near| spell(&near)),
        }),
    }
}

/// The library would round what is not whole.
fn whole_numbers_only(table: &Map<String, Value>, origin: &str) -> Result<(), Error> {
    if let Some(ValueKind::Array(accounts)) = table.get("account").map(|value| &value.kind) {
        for account in accounts {
            if let ValueKind::Table(account) = &account.kind {
                whole_numbers_only(account, origin)?;
            }
        }
    }
    if let Some(ValueKind::Table(types)) = table.get("types").map(|value| &value.kind) {
        for (word, value) in types {
            if let ValueKind::Float(number) = value.kind {
                let what = format!("is {number} in {origin}; use a whole number");
                return Err(Error::value(format!("types.\"{word}\""), what));
            }
        }
    }
    for (name, key) in [("delivery", "concurrency"), ("watch", "removed_most")] {
        if let Some(ValueKind::Table(table)) = table.get(name).map(|value| &value.kind)
            && let Some(ValueKind::Float(number)) = table.get(key).map(|value| &value.kind)
        {
            let what = format!("is {number} in {origin}; use a whole number");
            return Err(Error::value(format!("{name}.{key}"), what));
        }
    }
    Ok(())
}

/// The name of the variable that sets a key.
fn variable(key: &str) -> String {
    format!("FITFERRY_{}", key.to_uppercase().replace('.', "__"))
}

/// So that an error of type names where the value was written.
fn name_origin(value: &mut Value, origin: &str) {
    let mut kind = std::mem::replace(&mut value.kind, ValueKind::Nil);
    match &mut kind {
        ValueKind::Table(table) => table.values_mut().for_each(|value| name_origin(value, origin)),
        ValueKind::Array(items) => items.iter_mut().for_each(|value| name_origin(value, origin)),
        _ => {}
    }
    *value = Value::new(Some(&origin.to_owned()), kind);
}

/// Relative paths in a file start at the file's own directory.
fn resolve_paths(key: &str, value: &mut Value, base: &Path) {
    match &mut value.kind {
        // Nothing stays nothing, for the check to refuse.
        ValueKind::String(path)
            if !path.is_empty() && matches!(key, "state_dir" | "token_file" | "client_file" | "folders" | "path") =>
        {
            if let Ok(resolved) = absolute(Path::new(path), base).into_os_string().into_string() {
                *path = resolved;
            }
        }
        ValueKind::Table(table) => table.iter_mut().for_each(|(key, value)| resolve_paths(key, value, base)),
        ValueKind::Array(items) => items.iter_mut().for_each(|value| resolve_paths(key, value, base)),
        _ => {}
    }
}

/// What is wrong and where, without the line itself, which may hold a secret: it would end up in a log.
fn unquoted(error: &ConfigError) -> String {
    let text = error.to_string();
    let is_quote = |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    text.lines().filter(|line| !is_quote(line)).collect::<Vec<_>>().join(": ")
}

fn syntax(error: &ConfigError) -> Error {
    Error::Syntax(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        DeliverySettings, DestinationSettings, EXAMPLE, MonitorSettings, OAuthSettings, Period, RulesSettings,
    };
    use std::path::PathBuf;

    fn merged(toml: &str, environment: &[(&str, &str)], flags: &Flags) -> Result<Settings, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fitferry.toml");
        std::fs::write(&path, toml).unwrap();
        merge(Some(&path), &Environment::of(environment), flags)
    }

    #[test]
    fn each_layer_covers_the_one_below() {
        let toml = "timezone = 'UTC'\n[delivery]\nconcurrency = 3\nretry_first = '5s'\n[watch]\nsettle = '3s'";
        let environment = [("FITFERRY_DELIVERY__CONCURRENCY", "4"), ("FITFERRY_CONFIG", "x"), ("HOME", "/h")];
        let flags = Flags { listen: "127.0.0.1:0".parse().ok(), ..Flags::default() };
        let settings = merged(toml, &environment, &flags).unwrap();
        assert_eq!(settings.timezone.as_deref(), Some("UTC"));
        assert_eq!(settings.delivery.concurrency, 4);
        assert_eq!(settings.delivery.retry_first, Period::seconds(5));
        assert_eq!(settings.watch.settle, Period::seconds(3));
        assert_eq!(settings.watch.scan_every, Period::seconds(3600));
        assert_eq!(settings.server.listen.port(), 0);
    }

    #[test]
    fn the_environment_takes_lists_and_names_its_unknown_variables() {
        let settings = merged("", &[("FITFERRY_FOLDERS", "/a,/b"), ("FITFERRY_TIMEZONE", "UTC")], &Flags::default());
        assert_eq!(settings.unwrap().folders, Some(vec![PathBuf::from("/a").into(), PathBuf::from("/b").into()]));
        let error = merged("", &[("FITFERRY_WATCH__SETTEL", "1s")], &Flags::default()).unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown key `FITFERRY_WATCH__SETTEL` in the environment; did you mean `FITFERRY_WATCH__SETTLE`?"
        );
    }

    #[test]
    fn errors_name_file_and_key() {
        for (toml, words) in [
            ("[delivery]\nconcurrency = 'many'", ["delivery.concurrency", "fitferry.toml"]),
            ("[delivery]\nconcurrency = 1.9", ["delivery.concurrency", "1.9"]),
            ("[watch]\nsettle = 'soon'", ["\"soon\"", "watch.settle"]),
            ("[watch]\nremoved_most = 1.5", ["watch.removed_most", "1.5"]),
            ("folders = [{path = 'a', on_removed = 'burn'}]", ["\"burn\"", "\"keep\""]),
            ("folders = [{path = 'a', watch = 'closely'}]", ["\"closely\"", "\"polling\""]),
            ("folders = [{path = 'a', on_done = 'delete'}]", ["\"delete\"", "\"leave\""]),
            ("folders = [{path = 'a', on_rejected = 'burn'}]", ["\"burn\"", "\"move\""]),
            ("folders = [{path = 'a', on_remove = 'keep'}]", ["`folders.on_remove`", "`folders.on_removed`"]),
            ("[server]\nlisten = 'here'", ["server.listen", ""]),
            ("[types]\n'strava:Pickleball' = 87.5", ["types.\"strava:Pickleball\"", "87.5"]),
            ("[[account]]\nname = 'a'\n[account.types]\n'hevy:Run' = 8.5", ["types.\"hevy:Run\"", "8.5"]),
            ("[log]\nformat = 'xml'", ["xml", "json"]),
            ("folders = [", ["fitferry.toml", ""]),
            ("foldres = []", ["`foldres`", "`folders`"]),
        ] {
            let error = merged(toml, &[], &Flags::default()).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{toml}: {error}");
        }
    }

    /// The words of vendors are kept letter for letter, whatever they hold.
    #[test]
    fn words_are_no_paths() {
        let toml = "[types]\n'strava:E-Bike.Ride [2]' = 1\n[timezones]\nstrong = 'UTC'";
        let settings = merged(toml, &[], &Flags::default()).unwrap();
        assert_eq!(settings.types.into_iter().collect::<Vec<_>>(), [("strava:E-Bike.Ride [2]".to_owned(), 1)]);
        assert_eq!(settings.timezones.len(), 1);
    }

    #[test]
    fn relative_paths_of_a_file_start_at_the_file() {
        let toml = "folders = [{path = 'w'}, '/abs']\n[[account]]\nname='a'\nfolders=['x']";
        let settings = merged(toml, &[], &Flags::default());
        let settings = settings.unwrap();
        let folders = settings.folders.unwrap();
        assert!(folders[0].path.is_absolute() && folders[0].path.ends_with("w"), "{folders:?}");
        assert_eq!(folders[1].path, Path::new("/abs"));
        assert!(settings.account[0].folders[0].path.is_absolute());
    }

    /// What has no default stands in the example with a value that shows its form.
    fn example_destination() -> DestinationSettings {
        let text = |text: &str| Some(text.to_owned());
        let secret = || serde_json::from_str("\"...\"").unwrap();
        DestinationSettings {
            url: text("embedded"),
            allow_http: false,
            token: secret(),
            token_file: Some("/etc/fitferry/token".into()),
            token_command: Some(vec!["pass".to_owned(), "show".to_owned(), "fitness".to_owned()]),
            oauth: OAuthSettings {
                client_id: text("..."),
                client_secret: secret(),
                client_file: Some("/etc/fitferry/client.json".into()),
                issuer: text("https://login.example.org"),
                authorize_url: text("https://accounts.google.com/o/oauth2/v2/auth"),
                token_url: text("https://oauth2.googleapis.com/token"),
                revoke_url: text("https://oauth2.googleapis.com/revoke"),
                scope: text("https://www.googleapis.com/auth/fitness.activity.write"),
            },
        }
    }

    /// Every key stands in the example, commented out, with its default.
    #[test]
    fn the_example_is_complete_and_true() {
        let uncommented: String = EXAMPLE
            .lines()
            .filter(|line| !line.starts_with("# "))
            .map(|line| line.strip_prefix('#').unwrap_or(line).to_owned() + "\n")
            .collect();
        let shown = uncommented.split("\n[[account]]").next().unwrap();
        let example: toml::Table = shown.parse().unwrap();
        let text = |text: &str| text.to_owned();
        let defaults = toml::Table::try_from(Settings {
            timezones: [(text("strong"), text("Europe/Berlin"))].into(),
            types: [(text("strava:Pickleball"), 87), (text("fit:running/trail"), 58)].into(),
            rules: RulesSettings {
                name: Some(vec![text("{title}"), text("{time_of_day} {sport}")]),
                title: Some(true),
                notes: Some(true),
                description: Some(true),
                skip_shorter_than: Some(Period::seconds(0)),
                skip_before: Some(text("1970-01-01")),
                skip_types: Some(Vec::new()),
            },
            state_dir: Some("/var/lib/fitferry".into()),
            timezone: Some("system".to_owned()),
            folders: Some(vec![PathBuf::from("workouts").into()]),
            destination: example_destination(),
            delivery: DeliverySettings {
                rate: Some(1.0),
                burst: Some(60),
                daily: Some(80_000),
                ..DeliverySettings::default()
            },
            monitor: MonitorSettings {
                listen: "127.0.0.1:9478".parse().ok(),
                heartbeat: serde_json::from_str("\"...\"").unwrap(),
            },
            ..Settings::default()
        });
        let mut defaults = defaults.unwrap();
        defaults.remove("account");
        assert_eq!(example, defaults);
        assert!(merged(&uncommented, &[], &Flags::default()).unwrap().account.len() == 2);
        assert_eq!(merged(EXAMPLE, &[], &Flags::default()).unwrap(), Settings::default());
    }
}
