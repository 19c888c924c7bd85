//! The keys that exist, and the nearest of them to one that does not.

use super::Settings;
use super::declare::{Key, Kind, Table};
use config::{Value, ValueKind};

/// A key that does not exist, as a dotted path, and what may have been meant.
#[derive(Debug, PartialEq)]
pub struct Unknown {
    pub key: String,
    pub nearest: Option<String>,
}

/// The first key of a layer that no setting has.
pub fn find_unknown(layer: &config::Map<String, Value>) -> Option<Unknown> {
    let key = unknown_below(layer, Settings::TABLE, "")?;
    let nearest = nearest(&key, &all_paths(Settings::TABLE, ""));
    Some(Unknown { key, nearest })
}

fn unknown_below(layer: &config::Map<String, Value>, table: &Table, path: &str) -> Option<String> {
    let mut entries: Vec<_> = layer.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    entries.into_iter().find_map(|(name, value)| {
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(key) = table.keys.iter().find(|key| key.name == name) else { return Some(full) };
        match (&value.kind, key.kind) {
            (ValueKind::Table(below), Kind::Table(table)) => unknown_below(below, table, &full),
            (ValueKind::Array(items), Kind::Tables(table)) => items.iter().find_map(|item| match &item.kind {
                ValueKind::Table(below) => unknown_below(below, table, &full),
                _ => None,
            }),
            _ => None,
        }
    })
}

fn all_paths(table: &Table, path: &str) -> Vec<String> {
    let with_those_below = |key: &Key| {
        let full = key.below(path);
        let below = match key.kind {
            Kind::Table(table) | Kind::Tables(table) => all_paths(table, &full),
            _ => Vec::new(),
        };
        std::iter::once(full).chain(below)
    };
    table.keys.iter().flat_map(with_those_below).collect()
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
