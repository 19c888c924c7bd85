//! The session resource of the sessions API, in its wire form, and how a workout becomes one.
//!
//! Facts: the schema `Session` of the API's discovery document, revision 20250819.

mod description;
mod id;
mod int64;
mod name;

pub use id::assign as assign_id;

use crate::merge::Outline;
use crate::rules::Rules;
use crate::workout::{ActivityType, Workout};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The application that our sessions carry, by which we know them again.
pub const APPLICATION: &str = "fitferry";

/// A session as the API takes and gives it: int64 values are strings on the wire, numbers are accepted too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Unix milliseconds, inclusive.
    #[serde(with = "int64")]
    pub start_time_millis: i64,
    /// Unix milliseconds, inclusive.
    #[serde(with = "int64")]
    pub end_time_millis: i64,
    /// When the server last changed it; set by the server.
    #[serde(default, with = "int64::option", skip_serializing_if = "Option::is_none")]
    pub modified_time_millis: Option<i64>,
    /// Time without pauses, at most the span.
    #[serde(default, with = "int64::option", skip_serializing_if = "Option::is_none")]
    pub active_time_millis: Option<i64>,
    /// A number of the table of activity types; kept as sent, so that a newer table is not our concern.
    #[serde(with = "int64::number")]
    pub activity_type: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
}

impl Session {
    /// What the API is to hold of a workout.
    pub fn of(workout: &Workout, id: String, rules: &Rules) -> Self {
        Self {
            id,
            name: name::of(workout, rules),
            description: description::of(workout, rules.privacy),
            start_time_millis: workout.start.as_millisecond(),
            end_time_millis: workout.end.as_millisecond(),
            modified_time_millis: None,
            active_time_millis: workout.active_millis,
            activity_type: i64::from(workout.activity_type.number()),
            application: Some(Application { name: Some(APPLICATION.to_owned()), ..Application::default() }),
        }
    }

    /// A session as others may have made it, or what is left of a deleted one: nothing of it can be counted on but its id.
    /// `None` without one.
    pub fn of_others(listed: &Value) -> Option<Self> {
        let text = |name: &str| listed[name].as_str().map(str::to_owned);
        let number = |name: &str| int64::read(&listed[name]);
        Some(Self {
            id: text("id")?,
            name: text("name").unwrap_or_default(),
            description: text("description"),
            start_time_millis: number("startTimeMillis").unwrap_or_default(),
            end_time_millis: number("endTimeMillis").unwrap_or_default(),
            modified_time_millis: number("modifiedTimeMillis"),
            active_time_millis: number("activeTimeMillis"),
            // The API's table calls it unknown.
            activity_type: number("activityType").unwrap_or(4),
            application: Application::deserialize(&listed["application"]).ok(),
        })
    }

    /// Tells whether two accounts of a session say the same, but for the one member that changes with every write.
    pub fn content_hash(&self) -> Vec<u8> {
        let content = Self { modified_time_millis: None, ..self.clone() };
        // Strings and numbers always have a JSON form.
        Sha256::digest(serde_json::to_vec(&content).unwrap_or_default()).to_vec()
    }

    /// 16 hexadecimal digits that tell what it says from what others say, whatever a server adds to it.
    pub fn words_hash(&self) -> String {
        let description = Some(self.description.clone().unwrap_or_default());
        let words = Self { id: String::new(), application: None, description, ..self.clone() };
        words.content_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// When it was, and of what type; nothing if the times are no times.
    pub fn outline(&self) -> Option<Outline> {
        Some(Outline {
            start: Timestamp::from_millisecond(self.start_time_millis).ok()?,
            end: Timestamp::from_millisecond(self.end_time_millis).ok()?,
            activity_type: self.known_activity_type().unwrap_or(ActivityType::OTHER),
        })
    }

    /// The type as one of today's table.
    pub fn known_activity_type(&self) -> Option<ActivityType> {
        ActivityType::new(self.activity_type)
    }
}

/// The sessions of one file's workouts, whose ids are unique among themselves.
pub fn of_file(workouts: &[Workout], rules: &Rules) -> impl Iterator<Item = Session> {
    let mut taken = std::collections::HashSet::new();
    workouts.iter().map(move |workout| {
        let id = assign_id(workout, |id| taken.contains(id));
        taken.insert(id.clone());
        Session::of(workout, id, rules)
    })
}

/// Text of a person or a device on one line and within the length that the API can be expected to take.
fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let gap = usize::from(!line.is_empty());
        if line.chars().count() + gap + word.chars().count() > longest {
            let room = longest.saturating_sub(line.chars().count() + gap + 1);
            if room > 0 {
                line.push_str(&" "[..gap]);
                line.extend(word.chars().take(room));
            }
            line.push('…');
            break;
        }
        line.push_str(&" "[..gap]);
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::Format;
    use jiff::tz::TimeZone;

    #[test]
    fn the_wire_form_is_the_apis() {
        let start = "2026-04-12T06:30:15Z".parse().unwrap();
        let mut workout = Workout::new(Format::Fit, start, "2026-04-12T07:30:15.5Z".parse().unwrap());
        workout.activity_type = ActivityType::new(8).unwrap();
        workout.active_millis = Some(3_540_000);
        let session = of_file(std::slice::from_ref(&workout), &Rules::of(TimeZone::UTC)).next().unwrap();
        assert_eq!(
            serde_json::to_value(&session).unwrap(),
            serde_json::json!({
                "id": "fitferry-20260412T063015Z",
                "name": "Morning run",
                "description": "0:59:00",
                "startTimeMillis": "1775975415000",
                "endTimeMillis": "1775979015500",
                "activeTimeMillis": "3540000",
                "activityType": 8,
                "application": {"name": "fitferry"},
            })
        );
        assert_eq!(serde_json::from_value::<Session>(serde_json::to_value(&session).unwrap()).unwrap(), session);
    }

    #[test]
    fn lines_are_cut_between_words_where_that_works() {
        assert_eq!(one_line(" a\r\n b\u{0} c ", 9), "a b c");
        assert_eq!(one_line("abcdefghij", 5), "abcd…");
        assert_eq!(one_line("ab cdefg", 5), "ab c…");
        assert!(one_line(&"wörter ".repeat(100), 50).chars().count() <= 50);
    }
}
