//! What a list request asks for, from its query string.

use super::error::ApiError;
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;

/// Most activity types one request may name; the table has 120.
const MOST_TYPES: usize = 150;

/// Which sessions a list request wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub range: Range,
    /// Only these, if any are named.
    pub activity_types: Vec<i64>,
}

/// The two ways to ask. A window wins over a page token, as in the API.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// RFC 3339 in the request, Unix milliseconds here; at least one of them is given.
    Window { start_ms: Option<i64>, end_ms: Option<i64> },
    /// What changed after a point, or in the last 30 days.
    Changes { after: Option<Change>, include_deleted: bool },
}

/// A point in a user's sequence of changes; on the wire an opaque page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub number: i64,
    /// Of its era, as numbers come again after a backup was restored.
    pub stamp: i64,
}

impl Change {
    /// Told apart from what other servers hand out, and from a number that somebody made up.
    const MARK: &str = "c2-";

    pub fn token(self) -> String {
        format!("{}{:x}-{:x}", Self::MARK, self.number, self.stamp)
    }

    fn parse(token: &str) -> Option<Self> {
        let (number, stamp) = token.strip_prefix(Self::MARK)?.split_once('-')?;
        let number = i64::from_str_radix(number, 16).ok()?;
        let stamp = u64::from_str_radix(stamp, 16).ok()?.cast_signed();
        // What is written in another way than ours is not from us.
        Some(Self { number, stamp }).filter(|change| number >= 0 && change.token() == token)
    }
}

impl Query {
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut start_ms, mut end_ms, mut after, mut include_deleted) = (None, None, None, false);
        let mut activity_types = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "startTime" => start_ms = Some(time(&name, &value)?),
                "endTime" => end_ms = Some(time(&name, &value)?),
                // Empty as if it were absent: that is what clients send on their first round.
                "pageToken" if value.is_empty() => {}
                "pageToken" => after = Some(Change::parse(&value)),
                "includeDeleted" => include_deleted = boolean(&name, &value)?,
                "activityType" => {
                    let number = value
                        .parse::<i32>()
                        .map_err(|_| ApiError::invalid(format!("Invalid activityType {value}.")))?;
                    activity_types.push(i64::from(number));
                }
                _ => {}
            }
        }
        activity_types.sort_unstable();
        activity_types.dedup();
        if activity_types.len() > MOST_TYPES {
            return Err(ApiError::invalid(format!("More than {MOST_TYPES} values of activityType.")));
        }
        let range = if start_ms.is_some() || end_ms.is_some() {
            Range::Window { start_ms, end_ms }
        } else {
            let after =
                after.map(|change| change.ok_or_else(|| ApiError::invalid("Invalid pageToken."))).transpose()?;
            Range::Changes { after, include_deleted }
        };
        Ok(Self { range, activity_types })
    }
}

/// A boolean as Google's APIs take it.
pub fn boolean(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" | "True" | "1" => Ok(true),
        "false" | "False" | "0" | "" => Ok(false),
        _ => Err(ApiError::invalid(format!("Invalid {name} \"{value}\": use true or false."))),
    }
}

fn time(name: &str, value: &str) -> Result<i64, ApiError> {
    // A plus that was not percent-encoded arrives as a blank.
    let text = value.replace(' ', "+");
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(time.as_millisecond()),
        Err(_) if is_beyond(&text) => Ok(Timestamp::MAX.as_millisecond()),
        Err(_) => Err(ApiError::invalid(format!("Invalid {name} \"{value}\": not an RFC 3339 time."))),
    }
}

/// Whether it is a time in the last hours of the year 9999, which a timestamp does not reach: people mean "for ever".
fn is_beyond(text: &str) -> bool {
    Pieces::parse(text).is_ok_and(|pieces| {
        pieces.date().year() == 9999 && pieces.time().is_some() && pieces.to_numeric_offset().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_wins_over_everything_else() {
        let query = "startTime=2014-04-01T00:00:00.000Z&endTime=2014-04-30T23:59:59.999%2B00:00&pageToken=not-ours&\
                     includeDeleted=true";
        let range = Range::Window { start_ms: Some(1_396_310_400_000), end_ms: Some(1_398_902_399_999) };
        assert_eq!(Query::parse(query).unwrap(), Query { range, activity_types: vec![] });
    }

    #[test]
    fn changes_are_what_is_left() {
        let changes = |query: &str| match Query::parse(query).unwrap().range {
            Range::Changes { after, include_deleted } => (after, include_deleted),
            Range::Window { .. } => panic!("a window"),
        };
        assert_eq!(changes(""), (None, false));
        assert_eq!(changes("pageToken=&includeDeleted=false"), (None, false));
        for (number, stamp) in [(255, -255), (0, 0), (i64::MAX, i64::MIN)] {
            let change = Change { number, stamp };
            let query = format!("pageToken={}&includeDeleted=true", change.token());
            assert_eq!(changes(&query), (Some(change), true));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "startTime=yesterday",
            "activityType=run",
            "activityType=99999999999",
            "pageToken=x",
            "pageToken=c1-5",
            "pageToken=c2-5",
            "pageToken=c2--",
            "pageToken=c2-+5-1",
            "pageToken=c2-05-1",
            "pageToken=c2-5-01",
            "pageToken=c2-A-1",
            "pageToken=c2-5-1-",
            "pageToken=c2--5-1",
            "pageToken=c2-8000000000000000-1",
            "pageToken=c2-5-ffffffffffffffffff",
            "includeDeleted=perhaps",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
        let forever = Range::Window { start_ms: None, end_ms: Some(Timestamp::MAX.as_millisecond()) };
        assert_eq!(Query::parse("endTime=9999-12-31T23:59:59Z").unwrap().range, forever);
        assert!(Query::parse("endTime=9999-12-31").is_err());
        assert_eq!(Query::parse("activityType=8&activityType=1&activityType=8&x=y").unwrap().activity_types, [1, 8]);
    }
}
