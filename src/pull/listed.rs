//! One session as a server listed it: its id, its time, and what of it has to be found again on the other side. Pure.

use crate::destination::Window;
use crate::session::Session;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The type of a session that tells none: the table's word for it is "unknown".
const UNKNOWN_ACTIVITY: i64 = 4;

/// The application of a session that tells none.
const UNKNOWN_APPLICATION: &str = "unknown";

/// 128 bits of a hash stand for an id or a content: what is remembered of a session has the same size for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; DIGEST]);

/// Bytes of a digest.
pub const DIGEST: usize = 16;

impl Digest {
    fn of(bytes: &[u8]) -> Self {
        Self::read(&Sha256::digest(bytes))
    }

    /// The first of these bytes, of which there have to be enough.
    pub fn read(bytes: &[u8]) -> Self {
        Self(bytes.first_chunk().copied().unwrap_or_default())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A session that was listed, or a line of a file of sessions.
#[derive(Clone, Debug)]
pub struct Listed {
    /// JSON on one line, otherwise as it came.
    pub line: String,
    /// Some servers list what has none.
    pub id: Option<String>,
    /// By which it is known again: by its id, else by all of it.
    pub key: Digest,
    /// When it was last changed, in Unix milliseconds, if it tells.
    pub modified: Option<i64>,
    /// The span in Unix milliseconds, if it tells one.
    span: Option<(i64, i64)>,
}

impl Listed {
    /// `raw` is JSON, whatever it says.
    pub fn new(raw: &str) -> Self {
        let line = on_one_line(raw);
        let members: Map<String, Value> = serde_json::from_str(&line).unwrap_or_default();
        let id = members.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
        let millis = |name| match members.get(name) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_i64(),
            _ => None,
        };
        let span = millis("startTimeMillis").zip(millis("endTimeMillis"));
        let key = Digest::of(id.as_deref().unwrap_or(&line).as_bytes());
        let modified = millis("modifiedTimeMillis");
        Self { line, id, key, modified, span }
    }

    /// When it ended, if it is one of a window's own and not one that a server listed because it is near. In doubt it is,
    /// and ended with the window.
    pub fn end_within(&self, window: Window) -> Option<Timestamp> {
        let Some((start, end)) = self.span else { return Some(window.end) };
        let is_own = end >= window.start.as_millisecond() && start <= window.end.as_millisecond();
        is_own.then(|| Timestamp::from_millisecond(end).unwrap_or(window.end))
    }

    /// Whether it is one at all, and not something else that stands in a file or a list.
    pub fn is_session(&self) -> bool {
        self.id.is_some() || self.span.is_some()
    }

    /// What people are told.
    pub fn name(&self) -> &str {
        self.id.as_deref().unwrap_or("a session without an id")
    }

    /// Of all members, in whatever order they came.
    pub fn content(&self) -> Digest {
        match serde_json::from_str::<Value>(&self.line) {
            Ok(mut value) => {
                value.sort_all_objects();
                Digest::of(value.to_string().as_bytes())
            }
            // Deeper, or with larger numbers, than can be read.
            Err(_) => Digest::of(self.line.as_bytes()),
        }
    }

    /// Of what our server keeps: not of members that no session has, nor of the time of its own writing.
    pub fn kept_content(&self) -> Digest {
        match serde_json::from_str::<Session>(&self.to_put()) {
            Ok(session) => {
                let session = Session { modified_time_millis: None, ..session };
                Digest::of(&serde_json::to_vec(&session).unwrap_or_default())
            }
            Err(_) => self.content(),
        }
    }

    /// The body of a put. A list may leave out what a put needs: sessions of Android apps tell their package instead of
    /// their application's name, and some have no title.
    pub fn to_put(&self) -> String {
        let Ok(mut members) = serde_json::from_str::<Map<String, Value>>(&self.line) else { return self.line.clone() };
        let lacks = |value: Option<&Value>| value.is_none_or(Value::is_null);
        let application = members.get("application").cloned().filter(|value| !value.is_null());
        let mut application = application.unwrap_or_else(|| json!({}));
        let nameless = application.is_object() && lacks(application.get("name"));
        if !nameless && !lacks(members.get("name")) && !lacks(members.get("activityType")) {
            return self.line.clone();
        }
        if nameless {
            let package = application.get("packageName").and_then(Value::as_str).unwrap_or(UNKNOWN_APPLICATION);
            application["name"] = json!(package);
            members.insert("application".to_owned(), application);
        }
        for (name, value) in [("name", json!("")), ("activityType", json!(UNKNOWN_ACTIVITY))] {
            if lacks(members.get(name)) {
                members.insert(name.to_owned(), value);
            }
        }
        Value::Object(members).to_string()
    }
}

/// Takes out the white space between the tokens of a text that has line breaks; everything else stays as it was written.
fn on_one_line(json: &str) -> String {
    if !json.contains('\n') && !json.contains('\r') {
        return json.to_owned();
    }
    let (mut in_text, mut escaped) = (false, false);
    let wanted = |c: &char| {
        let is_wanted = in_text || !c.is_ascii_whitespace();
        in_text ^= *c == '"' && !escaped;
        escaped = in_text && *c == '\\' && !escaped;
        is_wanted
    };
    json.chars().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANDROID: &str = r#"{"id": "a", "startTimeMillis": "1000", "endTimeMillis": "2000", "modifiedTimeMillis": "5",
        "application": {"packageName": "com.example.walk", "version": ""}, "activityType": 7, "new": {"x": 1.50}}"#;

    #[test]
    fn a_session_comes_on_one_line_and_else_as_it_is() {
        let line = Listed::new(ANDROID).line;
        assert_eq!(line, ANDROID.replace(['\n', ' '], ""));
        let text = r#"{"id":"a b","name":"x\\\" y\n"  , "z":1E400}"#;
        assert_eq!(Listed::new(text).line, text);
        assert_eq!(Listed::new(&format!("{text}\r\n")).line, text.replace("  , ", ","));
    }

    #[test]
    fn content_is_the_same_in_any_order() {
        let content = |text: &str| Listed::new(text).content();
        assert_eq!(content(r#"{"id":"a","b":{"c":1,"d":2}}"#), content(r#"{ "b":{"d":2,"c":1}, "id":"a"}"#));
        assert_ne!(content(r#"{"id":"a","b":[1,2]}"#), content(r#"{"id":"a","b":[2,1]}"#));
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_ne!(content(&deep), content("[]"));
        assert_eq!(Listed::new(&deep).name(), "a session without an id");
    }

    #[test]
    fn what_a_put_needs_is_filled_in() {
        let listed = Listed::new(ANDROID);
        let body: Value = serde_json::from_str(&listed.to_put()).unwrap();
        assert_eq!(body["application"]["name"], "com.example.walk");
        assert_eq!((&body["name"], &body["activityType"], &body["new"]["x"]), (&json!(""), &json!(7), &json!(1.5)));
        let bare: Value = serde_json::from_str(&Listed::new(r#"{"id":"a","application":null}"#).to_put()).unwrap();
        assert_eq!((&bare["application"]["name"], &bare["activityType"]), (&json!("unknown"), &json!(4)));
        for text in [r#"{"id":"a","name":"n","activityType":8,"application":{"name":"t"}}"#, "[]", "7"] {
            assert_eq!(Listed::new(text).to_put(), text);
        }
        // What the server makes of it is the same as what was sent.
        let stored = r#"{"id":"a","name":"","startTimeMillis":1000,"endTimeMillis":"2000","modifiedTimeMillis":"9",
            "activityType":7,"application":{"name":"com.example.walk","version":"","packageName":"com.example.walk"}}"#;
        assert_eq!(Listed::new(stored).kept_content(), listed.kept_content());
        assert_ne!(Listed::new(stored).content(), listed.content());
        assert_ne!(Listed::new(&stored.replace(":7", ":8")).kept_content(), listed.kept_content());
    }

    #[test]
    fn only_what_touches_a_window_is_counted_as_its_own() {
        let window =
            Window { start: "1970-01-01T00:00:02Z".parse().unwrap(), end: "1970-01-01T00:00:04Z".parse().unwrap() };
        let end = |start: i64, end: i64| {
            let session = json!({"id": "a", "startTimeMillis": start, "endTimeMillis": end.to_string()});
            Listed::new(&session.to_string()).end_within(window).map(Timestamp::as_millisecond)
        };
        assert_eq!((end(1000, 2000), end(3000, 3000), end(4000, 9000)), (Some(2000), Some(3000), Some(9000)));
        assert_eq!((end(1000, 1999), end(4001, 9000), end(2000, i64::MAX)), (None, None, Some(4000)));
        assert_eq!(Listed::new("{}").end_within(window), Some(window.end));
    }
}
