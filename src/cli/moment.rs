//! Days and moments as people write them on the command line.

use crate::config::{self, Account};
use jiff::Timestamp;
use jiff::civil::Date;

/// The beginning of a span: a day counts from its midnight.
pub fn first(text: &str, account: &Account) -> Result<Timestamp, config::Error> {
    moment(text, account, "--from", Ok)
}

/// The end of a span: a day counts to its end.
pub fn last(text: &str, account: &Account) -> Result<Timestamp, config::Error> {
    moment(text, account, "--to", Date::tomorrow)
}

/// A moment in whole seconds, or the midnight of a day where the account's owner lives.
fn moment(
    text: &str,
    account: &Account,
    key: &str,
    midnight_of: impl Fn(Date) -> Result<Date, jiff::Error>,
) -> Result<Timestamp, config::Error> {
    let of_day = |date: Date| Ok(midnight_of(date)?.to_zoned(account.zone.clone())?.timestamp());
    let moment = match text.parse::<Timestamp>() {
        Ok(moment) => Timestamp::from_second(moment.as_second()),
        Err(_) => Date::strptime("%Y-%m-%d", text).and_then(of_day),
    };
    moment.map_err(|_| config::Error::Value {
        key: key.to_owned(),
        what: format!("is \"{text}\"; write it as 2014-12-31 or 2014-12-31T12:00:00Z"),
    })
}
