//! A list of sessions as servers give it: read generously, as it holds what others have made, and bounded.

use crate::destination::Listing;
use crate::session::Session;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// Sessions in one answer. Google's has at most 10,000, and each takes memory beside its text.
pub const MOST: usize = 20_000;

/// Bytes of a page token that is kept, and sent back in an address: more is not taken there.
const LONGEST_TOKEN: usize = 4096;

/// One answer to a list request.
#[derive(Debug, Default)]
pub struct List {
    listing: Listing,
    is_too_long: bool,
}

impl List {
    /// Nothing if it holds more than [`MOST`].
    pub fn listing(self) -> Option<Listing> {
        (!self.is_too_long).then_some(self.listing)
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sessions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List, A::Error> {
        let (mut list, mut is_ours, mut is_empty) = (List::default(), false, true);
        while let Some(name) = map.next_key::<String>()? {
            is_empty = false;
            let is_known = matches!(name.as_str(), "session" | "deletedSession" | "nextPageToken" | "hasMoreData");
            is_ours |= is_known;
            match name.as_str() {
                "session" => {
                    let Sessions { found, is_too_long } = map.next_value()?;
                    list.listing.sessions = found;
                    list.is_too_long |= is_too_long;
                }
                "deletedSession" => {
                    let Sessions { found, is_too_long } = map.next_value()?;
                    list.listing.deleted = found.into_iter().map(|session| session.id).collect();
                    list.is_too_long |= is_too_long;
                }
                "nextPageToken" => {
                    let token = map.next_value::<Value>()?;
                    let token = token.as_str().filter(|token| (1..=LONGEST_TOKEN).contains(&token.len()));
                    list.listing.next = token.map(str::to_owned);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        // An empty list is `{}`; what says only other things would look as if all were gone.
        if is_ours || is_empty { Ok(list) } else { Err(A::Error::custom("it says nothing that a list says")) }
    }
}

#[derive(Default)]
struct Sessions {
    found: Vec<Session>,
    is_too_long: bool,
}

impl<'de> Deserialize<'de> for Sessions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Array)
    }
}

struct Array;

impl<'de> Visitor<'de> for Array {
    type Value = Sessions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sessions")
    }

    fn visit_unit<E: Error>(self) -> Result<Sessions, E> {
        Ok(Sessions::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Sessions, A::Error> {
        let mut sessions = Sessions::default();
        while sessions.found.len() < MOST {
            let Some(element) = array.next_element::<&RawValue>()? else { return Ok(sessions) };
            let element = serde_json::from_str(element.get()).map_err(A::Error::custom)?;
            // Without an id it is nobody's.
            sessions.found.extend(Session::of_others(&element));
        }
        while array.next_element::<IgnoredAny>()?.is_some() {
            sessions.is_too_long = true;
        }
        Ok(sessions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Listing>, String> {
        serde_json::from_str::<List>(text).map(List::listing).map_err(|error| error.to_string())
    }

    fn ids(text: &str) -> Vec<String> {
        read(text).unwrap().unwrap().sessions.into_iter().map(|session| session.id).collect()
    }

    /// What others have made may be of any form; ours beside it count, and so do ours that somebody has spoilt.
    #[test]
    fn odd_sessions_hide_no_others() {
        let list = r#"{"session": [null, 7, "x", [], {}, {"id": null}, {"id": 5},
            {"id": "a", "startTimeMillis": "soon", "endTimeMillis": 1e300, "activityType": [], "name": {}},
            {"id": "b", "application": "x", "description": 5, "startTimeMillis": "-9223372036854775808"},
            {"id": "c", "startTimeMillis": 7, "endTimeMillis": 9.0, "activityType": "8", "name": "n"}]}"#;
        assert_eq!(ids(list), ["a", "b", "c"]);
        let sessions = read(list).unwrap().unwrap().sessions;
        let last = &sessions[2];
        assert_eq!((last.start_time_millis, last.end_time_millis, last.activity_type), (7, 9, 8));
        assert_eq!(sessions[1].start_time_millis, i64::MIN);
    }

    #[test]
    fn empty_lists_have_several_forms() {
        for text in
            ["{}", r#"{"session": null, "deletedSession": null}"#, r#"{"session": []}"#, r#"{"hasMoreData": false}"#]
        {
            assert_eq!(read(text).unwrap(), Some(Listing::default()), "{text}");
        }
        for text in
            ["[]", "null", "7", r#"{"error": {"code": 401}}"#, r#"{"status": "log in first"}"#, r#"{"session": {}}"#]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_that_could_not_be_sent_back_are_none() {
        let long = "x".repeat(LONGEST_TOKEN + 1);
        for (token, kept) in
            [("\"\"", false), ("null", false), ("7", false), ("\"t\"", true), (&format!("\"{long}\""), false)]
        {
            let list = read(&format!("{{\"nextPageToken\": {token}}}")).unwrap().unwrap();
            assert_eq!(list.next.is_some(), kept);
        }
    }

    #[test]
    fn what_is_too_much_is_not_kept() {
        let many = |count| format!("{{\"session\": [{}]}}", vec!["{\"id\": \"a\"}"; count].join(","));
        assert_eq!(read(&many(MOST)).unwrap().unwrap().sessions.len(), MOST);
        assert_eq!(read(&many(MOST + 1)).unwrap(), None);
    }
}
