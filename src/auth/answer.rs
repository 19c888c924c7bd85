//! What a provider gives for a code or a refresh token: read generously, and looked at before anything relies on it.

use super::Error;
use crate::redact;
use crate::token;
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// An access token is replaced this long before it ends.
const MARGIN: Duration = Duration::from_secs(120);

/// Characters of all permissions together.
const LONGEST_SCOPE: usize = 4000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Answer(BasicTokenResponse);

impl TryFrom<Value> for Answer {
    type Error = serde_json::Error;

    fn try_from(mut answer: Value) -> serde_json::Result<Self> {
        if let Some(seconds) = answer.get_mut("expires_in") {
            // Several write it as a string. What is no number is not worth a login: the API tells when a token has ended.
            *seconds = seconds.as_u64().or_else(|| seconds.as_str()?.trim().parse().ok()).into();
        }
        serde_json::from_value(answer).map(Self)
    }
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        self.0.access_token()
    }

    fn token_type(&self) -> &BasicTokenType {
        self.0.token_type()
    }

    fn expires_in(&self) -> Option<Duration> {
        self.0.expires_in()
    }

    /// An empty one is none.
    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.0.refresh_token().filter(|token| !token.secret().is_empty())
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.0.scopes()
    }
}

impl Answer {
    /// Fails with tokens that no request could carry.
    pub fn check(&self) -> Result<(), Error> {
        let access = ("an access token", Some(self.access_token().secret()));
        let refresh = ("a refresh token", self.refresh_token().map(RefreshToken::secret));
        match [access, refresh].into_iter().find(|(_, token)| token.is_some_and(|token| !token::is_usable(token))) {
            Some((what, _)) => {
                let flaws = "is empty, too long, or holds what no header can carry";
                Err(Error::Later(format!("the provider gave {what} that {flaws}; ask whoever runs it")))
            }
            None => Ok(()),
        }
    }

    /// The permissions, if the provider names any.
    pub fn scope(&self) -> Option<String> {
        let scopes: Vec<&str> = self.scopes()?.iter().map(|scope| scope.as_str()).collect();
        let scope = redact::foreign(&scopes.join(" "), &[], LONGEST_SCOPE);
        (!scope.is_empty()).then_some(scope)
    }

    pub fn expires(&self, now: Timestamp) -> Option<Timestamp> {
        after(now, self.expires_in()?)
    }

    /// Some time before it ends, so that no token ends on its way; of a short life, the last quarter.
    pub fn renew(&self, now: Timestamp) -> Option<Timestamp> {
        let life = self.expires_in()?;
        after(now, life - MARGIN.min(life / 4))
    }
}

fn after(now: Timestamp, time: Duration) -> Option<Timestamp> {
    now.checked_add(SignedDuration::try_from(time).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(access: &str, refresh: &str, expires: &Value) -> Answer {
        let answer =
            json!({"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": expires});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn seconds_are_read_however_they_are_written() {
        let read = |expires| answer("a", "r", &expires).expires_in().map(|life| life.as_secs());
        for expires in [json!(3600), json!("3600"), json!(" 3600 ")] {
            assert_eq!(read(expires), Some(3600));
        }
        for expires in [json!(null), json!("soon"), json!(-1), json!([1]), json!(1e300)] {
            assert_eq!(read(expires), None);
        }
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(answer("a", "r", &json!(u64::MAX)).renew(now), None);
        let renew = |life: u64| answer("a", "r", &json!(life)).renew(now).unwrap().as_second() - now.as_second();
        assert_eq!([renew(3600), renew(40), renew(0)], [3480, 30, 0]);
    }

    #[test]
    fn tokens_that_no_request_can_carry_are_refused() {
        let long = "x".repeat(70_000);
        assert_eq!(answer("a", "r", &json!(1)).check(), Ok(()));
        for (access, refresh, named) in
            [("", "r", "access"), ("a\nb", "r", "access"), ("a", "r b", "refresh"), ("a", &long, "refresh")]
        {
            let error = answer(access, refresh, &json!(1)).check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert!(answer("a", "", &json!(1)).refresh_token().is_none());
    }
}
