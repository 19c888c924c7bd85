//! The keys that exist, and the nearest of them to one that does not.

use super::{AccountSettings, Folder, OnRemoved, Settings};
use config::{Value, ValueKind};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Stands for the keys of a table that are not ours to name.
const ANY: &str = "*";

/// A key that does not exist, as a dotted path, and what may have been meant.
#[derive(Debug, PartialEq)]
pub struct Unknown {
    pub key: String,
    pub nearest: Option<String>,
}

/// The first key of a layer that no setting has.
pub fn find_unknown(layer: &config::Map<String, Value>) -> Option<Unknown> {
    let known = known();
    let table = Value::new(None, ValueKind::Table(layer.clone()));
    let key = unknown_below(&table, &known, "")?;
    let nearest = nearest(&key, &all_paths(&known));
    Some(Unknown { key, nearest })
}

/// Every key in its place: the settings themselves, written out.
fn known() -> Json {
    // With everything said, a folder is a table.
    let timezone = Some(String::new());
    let sentinel = Some(PathBuf::new());
    let folders = vec![Folder { on_removed: OnRemoved::Delete, timezone, sentinel, ..Folder::default() }];
    let timezones = BTreeMap::from([(ANY.to_owned(), String::new())]);
    let types = BTreeMap::from([(ANY.to_owned(), 0)]);
    let account = AccountSettings {
        folders: folders.clone(),
        timezones: timezones.clone(),
        types: types.clone(),
        ..AccountSettings::default()
    };
    let settings = Settings { folders: Some(folders), timezones, types, account: vec![account], ..Settings::default() };
    serde_json::to_value(settings).unwrap_or_default()
}

fn unknown_below(value: &Value, known: &Json, path: &str) -> Option<String> {
    match (&value.kind, known) {
        (ValueKind::Table(table), Json::Object(known)) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().find_map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match known.get(key).or_else(|| known.get(ANY)) {
                    Some(known) => unknown_below(value, known, &path),
                    None => Some(path),
                }
            })
        }
        (ValueKind::Array(items), Json::Array(known)) => {
            let item = known.first()?;
            items.iter().find_map(|value| unknown_below(value, item, path))
        }
        _ => None,
    }
}

fn all_paths(known: &Json) -> Vec<String> {
    match known {
        Json::Object(members) => members
            .iter()
            .filter(|(key, _)| *key != ANY)
            .flat_map(|(key, value)| {
                let below = all_paths(value).into_iter().map(move |path| format!("{key}.{path}"));
                std::iter::once(key.clone()).chain(below)
            })
            .collect(),
        Json::Array(items) => items.iter().flat_map(all_paths).collect(),
        _ => Vec::new(),
    }
}

/// By likeness of the whole path, or of the last word for a key that stands in the wrong table.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |path: &String| {
        let whole = strsim::damerau_levenshtein(key, path);
        let word = strsim::damerau_levenshtein(&last(key), &last(path));
        // A wrong table alone costs one, so that a typo in the right place wins.
        whole.min(word + 1)
    };
    let best = known.iter().min_by_key(|path| likeness(path))?;
    (likeness(best) <= 3).then(|| best.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Config, File, FileFormat};

    fn unknown(toml: &str) -> Option<(String, Option<String>)> {
        let layer = Config::builder().add_source(File::from_str(toml, FileFormat::Toml)).build().unwrap();
        let layer = layer.cache.into_table().unwrap();
        find_unknown(&layer).map(|unknown| (unknown.key, unknown.nearest))
    }

    #[test]
    fn typos_are_named_with_what_was_meant() {
        let found = |key: &str, near: Option<&str>| Some((key.to_owned(), near.map(str::to_owned)));
        assert_eq!(unknown("folder = ['a']"), found("folder", Some("folders")));
        assert_eq!(unknown("[delivery]\nconcurency = 1"), found("delivery.concurency", Some("delivery.concurrency")));
        assert_eq!(unknown("settle = '2s'"), found("settle", Some("watch.settle")));
        assert_eq!(
            unknown("[[account]]\nname = 'a'\n[[account]]\ntime_zone = 'UTC'"),
            found("account.time_zone", Some("account.timezone"))
        );
        assert_eq!(unknown("colour_of_the_sky = 1"), found("colour_of_the_sky", None));
        assert_eq!(unknown("timezone = 'UTC'\n[[account]]\nname = 'a'"), None);
        assert_eq!(
            unknown("[types]\n'strava:Pickleball' = 87\n[[account]]\n[account.timezones]\nstrong = 'UTC'"),
            None
        );
        assert_eq!(unknown("[rules]\nskip_type = [7]"), found("rules.skip_type", Some("rules.skip_types")));
    }
}
