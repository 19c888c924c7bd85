//! What an answer means for the session that was sent: the one table of outcomes.
//!
//! Facts: Google's error model (`error.errors[].reason`, `error.status`) and what its public clients retry.

use crate::destination::{Failure, Stop};
use crate::redact;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Longest wait a server may ask for; more is a mistake of its clock or of its makers.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Tried again by the schedule, not before Retry-After.
    Retry,
    /// The same, but not before an hour has passed.
    RetryLater,
    Park,
    Stop(Stop),
}

/// One row of the table of outcomes.
#[derive(Debug)]
pub struct Outcome {
    pub status: RangeInclusive<u16>,
    /// One of these has to be among the reasons that the body gives; any will do if there are none.
    pub reasons: &'static [&'static str],
    pub consequence: Consequence,
    pub why: &'static str,
}

const fn row(
    status: RangeInclusive<u16>,
    reasons: &'static [&'static str],
    consequence: Consequence,
    why: &'static str,
) -> Outcome {
    Outcome { status, reasons, consequence, why }
}

/// From the answer to its consequence; the first row that fits counts. `docs/api.md` shows it.
pub const OUTCOMES: &[Outcome] = {
    use Consequence::{Park, Retry, RetryLater, Stop as Halt};
    &[
        row(100..=199, &[], Retry, "Not an answer; somebody in front of the server."),
        row(
            300..=399,
            &[],
            Retry,
            "Never followed, so that the token goes to no other host; a captive portal does this.",
        ),
        row(401..=401, &[], Halt(Stop::Credentials), "After one attempt with a new token, if there is one."),
        row(
            403..=403,
            &["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"],
            Retry,
            "Too fast.",
        ),
        row(403..=403, &["dailyLimitExceeded"], RetryLater, "Enough for today."),
        row(
            403..=403,
            &["accessNotConfigured", "SERVICE_DISABLED"],
            Halt(Stop::Closed),
            "The API is not enabled, or closed.",
        ),
        row(
            403..=403,
            &["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "authError"],
            Halt(Stop::Permission),
            "The token is good for something else.",
        ),
        row(
            404..=404,
            &[],
            Halt(Stop::Closed),
            "A whole API has answered this for days: it says nothing about the session.",
        ),
        row(407..=407, &[], Retry, "A proxy on the way wants to know who we are: it says nothing about the session."),
        row(408..=408, &[], Retry, "The request took too long to arrive."),
        row(
            409..=409,
            &[],
            Retry,
            "Two requests met, as Google's error model has it; putting the session again does no harm.",
        ),
        row(410..=410, &[], Halt(Stop::Closed), "The API is gone."),
        row(425..=425, &[], Retry, "Too early."),
        row(429..=429, &["dailyLimitExceeded"], RetryLater, "Enough for today."),
        row(429..=429, &[], Retry, "Too fast."),
        row(400..=499, &[], Park, "The session itself is refused, and would be again."),
        row(500..=599, &[], Retry, "The server is failing, or somebody in front of it."),
        row(600..=999, &[], Retry, "No status of HTTP; somebody in front of the server."),
    ]
};

/// What can go wrong without an answer, or with one that is not the API's: all of it is tried again.
pub const TRANSPORT: &[(&str, &str)] = &[
    ("cannot connect", "No network, nobody listens, or the certificate is not good."),
    ("timed out", "Connecting, a silence within the answer, or all of it took too long."),
    ("the connection failed", "It broke off. The session may have arrived; putting it again does no harm."),
    (
        "the answer is not the API's",
        "A 200 with a page of HTML, broken gzip, half a session, another session, no list.",
    ),
    ("the answer is longer than", "More than any list or session: 32 MiB, or 1 MiB."),
    ("HTTP 2xx where a session was expected", "A success without the session."),
];

/// The meaning of an answer that is not a success. `secrets` is what the request carried: the server may repeat it.
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8], now: Timestamp, secrets: &[&str]) -> Failure {
    let words = Words::of(body);
    let reason = words.reason(status, secrets);
    let fits = |row: &&Outcome| row.status.contains(&status) && (row.reasons.is_empty() || words.any(row.reasons));
    let after = retry_after.and_then(|value| parse_retry_after(value, now));
    let of_server = after.is_some() || matches!(status, 100..=199 | 300..=399 | 403 | 407 | 429 | 502..=504 | 600..);
    match OUTCOMES.iter().find(fits).map(|row| row.consequence) {
        Some(Consequence::Retry) => Failure::Retry { after, of_server, reason },
        Some(Consequence::RetryLater) => Failure::Retry { after: after.or(Some(HOUR)), of_server: true, reason },
        Some(Consequence::Stop(why)) => Failure::Stop { why, reason },
        Some(Consequence::Park) => Failure::Park { reason },
        // A success that is none; who asks has dealt with it.
        None => Failure::unreachable(reason),
    }
}

/// An HTTP date. A server with the wrong weekday still means the date.
pub fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

/// Seconds or an HTTP date, bounded.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        // Too many digits.
        Err(_) if is_number => u64::MAX,
        Err(_) => u64::try_from(parse_date(value)?.duration_since(now).as_secs()).unwrap_or(0),
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// What the body of an error says, if it is one of Google's.
#[derive(Default)]
struct Words {
    message: Option<String>,
    reasons: Vec<String>,
}

impl Words {
    /// Reads generously: a member of another type than Google's says nothing, and spoils nothing beside it.
    fn of(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let error = &body["error"];
        if let Some(name) = text(error) {
            // As OAuth has it.
            return Self { message: text(&body["error_description"]), reasons: vec![name] };
        }
        let lists = [&error["errors"], &error["details"]].into_iter().filter_map(Value::as_array);
        let details = lists.flatten().filter_map(|detail| text(&detail["reason"]));
        Self { message: text(&error["message"]), reasons: details.chain(text(&error["status"])).collect() }
    }

    fn any(&self, known: &[&str]) -> bool {
        self.reasons.iter().any(|reason| known.contains(&reason.as_str()))
    }

    fn reason(&self, status: u16, secrets: &[&str]) -> String {
        let first = self.reasons.first().map(|first| format!(" {first}")).unwrap_or_default();
        let message = self.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        format!("HTTP {status}{}", redact::foreign(&(first + &message), secrets, redact::LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn of(status: u16, reason: &str) -> Failure {
        let body = format!(r#"{{"error":{{"code":{status},"message":"m","errors":[{{"reason":"{reason}"}}]}}}}"#);
        classify(status, None, body.as_bytes(), NOW.parse().unwrap(), &[])
    }

    fn kind(failure: &Failure) -> &'static str {
        match failure {
            Failure::Retry { after: Some(HOUR), .. } => "retry in an hour",
            Failure::Retry { .. } => "retry",
            Failure::Park { .. } => "park",
            Failure::Stop { why: Stop::Credentials, .. } => "credentials",
            Failure::Stop { why: Stop::Permission, .. } => "permission",
            Failure::Stop { why: Stop::Closed, .. } => "closed",
        }
    }

    /// What each row does, and that a status outside it or with another reason is another row's: an entry for every
    /// reason of every row, in the order of the table.
    #[test]
    fn every_row() {
        let expected = [
            (101, "", "retry"),
            (199, "", "retry"),
            (300, "", "retry"),
            (302, "", "retry"),
            (399, "", "retry"),
            (401, "authError", "credentials"),
            (403, "rateLimitExceeded", "retry"),
            (403, "userRateLimitExceeded", "retry"),
            (403, "quotaExceeded", "retry"),
            (403, "RESOURCE_EXHAUSTED", "retry"),
            (403, "dailyLimitExceeded", "retry in an hour"),
            (403, "accessNotConfigured", "closed"),
            (403, "SERVICE_DISABLED", "closed"),
            (403, "insufficientPermissions", "permission"),
            (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "permission"),
            (403, "authError", "permission"),
            (404, "notFound", "closed"),
            (407, "", "retry"),
            (408, "", "retry"),
            (409, "conflict", "retry"),
            (410, "gone", "closed"),
            (425, "", "retry"),
            (429, "dailyLimitExceeded", "retry in an hour"),
            (429, "rateLimitExceeded", "retry"),
            (429, "", "retry"),
            (400, "invalidArgument", "park"),
            (402, "", "park"),
            (403, "forbidden", "park"),
            (405, "", "park"),
            (412, "", "park"),
            (413, "uploadTooLarge", "park"),
            (422, "", "park"),
            (499, "", "park"),
            (500, "backendError", "retry"),
            (502, "", "retry"),
            (503, "", "retry"),
            (504, "", "retry"),
            (599, "", "retry"),
            (600, "", "retry"),
            (999, "", "retry"),
        ];
        let mut reached = Vec::new();
        for (status, reason, expected) in expected {
            assert_eq!(kind(&of(status, reason)), expected, "{status} {reason}");
            let fits = |row: &Outcome| {
                row.status.contains(&status) && (row.reasons.is_empty() || row.reasons.contains(&reason))
            };
            let row = OUTCOMES.iter().position(fits).unwrap();
            if !OUTCOMES[row].reasons.is_empty() {
                reached.push((row, reason));
            } else if !reached.contains(&(row, "")) {
                reached.push((row, ""));
            }
        }
        let all = OUTCOMES.iter().enumerate().flat_map(|(number, row)| match row.reasons {
            [] => vec![(number, "")],
            reasons => reasons.iter().map(|reason| (number, *reason)).collect(),
        });
        assert_eq!(reached, all.collect::<Vec<_>>(), "every row, and nothing twice");
    }

    /// No status is without a row but those that are successes.
    #[test]
    fn every_status() {
        for status in (100..200).chain(300..1000) {
            assert!(OUTCOMES.iter().any(|row| row.status.contains(&status) && row.reasons.is_empty()), "{status}");
        }
    }

    #[test]
    fn odd_bodies_are_read_as_far_as_they_go() {
        let kind_of = |body: &str| kind(&classify(403, None, body.as_bytes(), NOW.parse().unwrap(), &[]));
        for body in [
            r#"{"error":{"code":"403","status":7,"errors":[{"reason":"rateLimitExceeded"}]}}"#,
            r#"{"error":{"errors":null,"details":null,"status":"RESOURCE_EXHAUSTED"}}"#,
            r#"{"error":{"errors":[null,7,{"reason":5},{"reason":"quotaExceeded"}],"details":{}}}"#,
            r#"{"error":"rateLimitExceeded","error_description":"slow down"}"#,
        ] {
            assert_eq!(kind_of(body), "retry", "{body}");
        }
        assert_eq!(kind_of(r#"{"error":{"details":[{"reason":"SERVICE_DISABLED"}]}}"#), "closed");
    }

    #[test]
    fn bodies_that_are_not_googles_do_no_harm() {
        let now = NOW.parse().unwrap();
        for body in ["", "<html>Bad Gateway</html>", "[]", "{\"error\":{}}"] {
            let expected = Failure::Retry { after: None, of_server: true, reason: "HTTP 502".to_owned() };
            assert_eq!(classify(502, None, body.as_bytes(), now, &[]), expected, "{body}");
        }
        let Failure::Park { reason } = of(400, "a\u{7}b") else { panic!("not parked") };
        assert!(reason.starts_with("HTTP 400"));
    }

    #[test]
    fn retry_after_in_both_forms_and_bounded() {
        let now: Timestamp = NOW.parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Sun, 22 Nov 2026 12:01:30 GMT", Some(90)),
            ("Sun, 22 Nov 2026 11:00:00 GMT", Some(0)),
            ("Sun, 22 Nov 2126 11:00:00 GMT", Some(86_400)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(parse_retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
