//! What an answer means for the session that was sent: the one table of outcomes.
//!
//! Facts: Google's error model (`error.errors[].reason`, `error.status`) and what its public clients retry.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::Deserialize;
use std::time::Duration;

/// Longest wait a server may ask for; more is a mistake of its clock or of its makers.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Characters of a server's words that are kept.
const LONGEST_REASON: usize = 300;

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It may work later; the server may have said when. `of_server` if other sessions would fare no better.
    Retry { after: Option<Duration>, of_server: bool, reason: String },
    /// This session will never be taken as it is; the others may.
    Park { reason: String },
    /// Nothing of this account will be taken for now.
    Stop { why: Stop, reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The token is not accepted: somebody has to provide another.
    Credentials,
    /// The API is closed, gone or not enabled.
    Closed,
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. } | Self::Park { reason } | Self::Stop { reason, .. } => reason,
        }
    }

    /// No answer, or one that is not the API's.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Retry { after: None, of_server: true, reason: reason.into() }
    }
}

/// The meaning of an answer that is not a success.
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8], now: Timestamp) -> Failure {
    let words = Words::of(body);
    let reason = words.reason(status);
    let after = retry_after.and_then(|value| parse_retry_after(value, now));
    let of_server = after.is_some() || matches!(status, 429 | 503);
    let retry = || Failure::Retry { after, of_server, reason: reason.clone() };
    let stop = |why| Failure::Stop { why, reason: reason.clone() };
    match status {
        408 | 425 | 429 | 500..=599 => retry(),
        401 => stop(Stop::Credentials),
        403 if words.any(&["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"]) => {
            retry()
        }
        403 if words.any(&["dailyLimitExceeded"]) => {
            Failure::Retry { after: after.or(Some(Duration::from_secs(3600))), of_server: true, reason }
        }
        403 if words.any(&["accessNotConfigured", "SERVICE_DISABLED"]) => stop(Stop::Closed),
        403 if words.any(&["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "authError"]) => {
            stop(Stop::Credentials)
        }
        // A 404 has been the answer of a whole API for days: it says nothing about the session.
        404 | 410 => stop(Stop::Closed),
        // Redirects are not followed, so that the token goes nowhere else. A captive portal answers like this.
        300..=399 => retry(),
        _ => Failure::Park { reason },
    }
}

/// Seconds or an HTTP date, bounded.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            // A server with the wrong weekday still means the date.
            let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
            let date = parser.parse_timestamp(value).ok()?;
            u64::try_from(date.duration_since(now).as_secs()).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// What the body of an error says, if it is one of Google's.
#[derive(Default)]
struct Words {
    message: Option<String>,
    reasons: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    errors: Vec<Detail>,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    reason: Option<String>,
}

impl Words {
    fn of(body: &[u8]) -> Self {
        let Ok(Body { error }) = serde_json::from_slice(body) else { return Self::default() };
        let details = error.errors.into_iter().chain(error.details).filter_map(|detail| detail.reason);
        Self { message: error.message, reasons: details.chain(error.status).collect() }
    }

    fn any(&self, known: &[&str]) -> bool {
        self.reasons.iter().any(|reason| known.contains(&reason.as_str()))
    }

    fn reason(&self, status: u16) -> String {
        let mut reason = format!("HTTP {status}");
        if let Some(first) = self.reasons.first() {
            reason.push_str(&format!(" {first}"));
        }
        if let Some(message) = &self.message {
            reason.push_str(&format!(": {message}"));
        }
        reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn of(status: u16, reason: &str) -> Failure {
        let body = format!(r#"{{"error":{{"code":{status},"message":"m","errors":[{{"reason":"{reason}"}}]}}}}"#);
        classify(status, None, body.as_bytes(), NOW.parse().unwrap())
    }

    fn kind(failure: &Failure) -> &'static str {
        match failure {
            Failure::Retry { .. } => "retry",
            Failure::Park { .. } => "park",
            Failure::Stop { why: Stop::Credentials, .. } => "credentials",
            Failure::Stop { why: Stop::Closed, .. } => "closed",
        }
    }

    #[test]
    fn every_row() {
        for (status, reason, expected) in [
            (302, "", "retry"),
            (400, "invalidArgument", "park"),
            (401, "authError", "credentials"),
            (403, "rateLimitExceeded", "retry"),
            (403, "userRateLimitExceeded", "retry"),
            (403, "quotaExceeded", "retry"),
            (403, "dailyLimitExceeded", "retry"),
            (403, "accessNotConfigured", "closed"),
            (403, "SERVICE_DISABLED", "closed"),
            (403, "insufficientPermissions", "credentials"),
            (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "credentials"),
            (403, "forbidden", "park"),
            (404, "notFound", "closed"),
            (408, "", "retry"),
            (409, "conflict", "park"),
            (410, "gone", "closed"),
            (412, "", "park"),
            (413, "uploadTooLarge", "park"),
            (422, "", "park"),
            (425, "", "retry"),
            (429, "rateLimitExceeded", "retry"),
            (500, "backendError", "retry"),
            (502, "", "retry"),
            (503, "", "retry"),
            (504, "", "retry"),
        ] {
            assert_eq!(kind(&of(status, reason)), expected, "{status} {reason}");
        }
    }

    #[test]
    fn bodies_that_are_not_googles_do_no_harm() {
        let now = NOW.parse().unwrap();
        for body in ["", "<html>Bad Gateway</html>", "[]", r#"{"error":"invalid_grant"}"#, "{\"error\":{}}"] {
            let expected = Failure::Retry { after: None, of_server: false, reason: "HTTP 502".to_owned() };
            assert_eq!(classify(502, None, body.as_bytes(), now), expected, "{body}");
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
