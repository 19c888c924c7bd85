//! Defaults, file, environment and flags, one above the other.

use super::declare::{Kind, Table};
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
    whole_numbers_only(&table, Settings::TABLE, "", &origin)?;
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
    whole_numbers_only(&table, Settings::TABLE, "", "the environment")?;
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
fn whole_numbers_only(written: &Map<String, Value>, table: &Table, path: &str, origin: &str) -> Result<(), Error> {
    for key in table.keys {
        let full = key.below(path);
        match (written.get(key.name).map(|value| &value.kind), key.kind) {
            (Some(ValueKind::Table(below)), Kind::Table(table)) => whole_numbers_only(below, table, &full, origin)?,
            (Some(ValueKind::Array(items)), Kind::Tables(table)) => {
                for item in items {
                    if let ValueKind::Table(below) = &item.kind {
                        whole_numbers_only(below, table, &full, origin)?;
                    }
                }
            }
            (Some(value), _) if key.is_whole() => {
                if let Some((word, number)) = fraction(value) {
                    let full = word.map_or(full.clone(), |word| format!("{full}.\"{word}\""));
                    return Err(Error::value(full, format!("is {number} in {origin}; use a whole number")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first number that is not whole, of a list or table too, and what it is for in that table.
fn fraction(value: &ValueKind) -> Option<(Option<&str>, f64)> {
    match value {
        ValueKind::Float(number) => Some((None, *number)),
        ValueKind::Array(items) => items.iter().find_map(|item| fraction(&item.kind)),
        ValueKind::Table(table) => table
            .iter()
            .find_map(|(word, value)| fraction(&value.kind).map(|(_, number)| (Some(word.as_str()), number))),
        _ => None,
    }
}

/// The name of the variable that sets a key.
pub fn variable(key: &str) -> String {
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
    use crate::config::{Period, example};
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
        assert_eq!(settings.server.listen.get().port(), 0);
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
            ("[reconcile]\nmass = 1.9", ["reconcile.mass", "1.9"]),
            ("[delivery]\nburst = 1.5", ["delivery.burst", "1.5"]),
            ("[rules]\nskip_types = [7, 7.5]", ["rules.skip_types", "7.5"]),
            ("[delivery]\norder = 'x'", ["\"x\"", "delivery.order"]),
            ("folders = [{path = 'a', on_removed = 'burn'}]", ["\"burn\"", "\"keep\""]),
            ("folders = [{path = 'a', watch = 'closely'}]", ["\"closely\"", "\"polling\""]),
            ("folders = [{path = 'a', on_done = 'delete'}]", ["\"delete\"", "\"leave\""]),
            ("folders = [{path = 'a', on_rejected = 'burn'}]", ["\"burn\"", "\"move\""]),
            ("folders = [{path = 'a', on_remove = 'keep'}]", ["`folders.on_remove`", "`folders.on_removed`"]),
            ("[server]\nlisten = 'here'", ["server.listen", "127.0.0.1:8730"]),
            ("[monitor]\nlisten = 9478", ["monitor.listen", "127.0.0.1:9478"]),
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

    /// The example, doing all that it shows.
    fn uncommented() -> String {
        let example = example();
        let lines = example.lines().filter(|line| !line.starts_with("# ") && *line != "#");
        lines.map(|line| line.strip_prefix('#').unwrap_or(line).to_owned() + "\n").collect()
    }

    #[test]
    fn the_example_changes_nothing_and_is_valid_in_all_that_it_shows() {
        assert_eq!(merged(&example(), &[], &Flags::default()).unwrap(), Settings::default());
        assert_eq!(merged(&uncommented(), &[], &Flags::default()).unwrap().account.len(), 2);
    }

    /// A value of each key in a variable is the same as in a file.
    #[test]
    fn the_environment_takes_whatever_is_said_to_fit() {
        fn take(table: &Table, path: &str) -> usize {
            let mut taken = 0;
            for key in table.keys {
                let (full, value) = (key.below(path), key.shown());
                if let Kind::Table(below) = key.kind {
                    taken += take(below, &full);
                } else if key.fits_a_variable() {
                    let by_file = merged(&format!("{full} = {value}"), &[], &Flags::default()).unwrap();
                    let variable = (variable(&full), value.trim_matches('"').to_owned());
                    let by_variable = merged("", &[(&variable.0, &variable.1)], &Flags::default()).unwrap();
                    assert_eq!(by_variable, by_file, "{variable:?}");
                    taken += 1;
                }
            }
            taken
        }
        assert!(take(Settings::TABLE, "") > 40);
    }
}
