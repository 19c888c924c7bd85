//! The names of the members in the beginning of a document, by which formats are told apart.

use super::tidy::Tidy;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Levels of names that are looked at.
const DEEPEST: usize = 4;

/// Names with the way to them, such as `data.workouts[].start`. A list at the root stands for what it holds.
///
/// `head` may be cut off anywhere.
pub fn outline(head: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    if let Ok(mut tidy) = Tidy::new(head.as_bytes())
        && matches!(tidy.next_document(), Ok(true))
    {
        // Whatever ends it early, what was seen is seen.
        let names = Names { found: &mut names, way: "", depth: 0 };
        drop(names.deserialize(&mut serde_json::Deserializer::from_reader(&mut tidy)));
    }
    names
}

struct Names<'a> {
    found: &'a mut HashSet<String>,
    way: &'a str,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth < DEEPEST {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_ignored_any(IgnoredAny).map(drop)
        }
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let way = if self.way.is_empty() { String::new() } else { format!("{}[]", self.way) };
        self.found.insert(way.clone());
        while items.next_element_seed(Names { found: &mut *self.found, way: &way, depth: self.depth })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            let way = if self.way.is_empty() { name } else { format!("{}.{name}", self.way) };
            self.found.insert(way.clone());
            members.next_value_seed(Names { found: &mut *self.found, way: &way, depth: self.depth + 1 })?;
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}
