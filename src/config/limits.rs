//! How much an account may ask of its destination, from the settings and from what the destination is known to bear.

use super::{DeliverySettings, Destination, Error, check};
use jiff::tz::TimeZone;

/// A request a second was borne by Google for years; its quotas were never published.
const GOOGLES_HOST: &str = "www.googleapis.com";
const GOOGLES_RATE: f64 = 1.0;
const GOOGLES_BURST: f64 = 60.0;

/// Requests at once after a rest, where a rate is set without it.
const BURST: f64 = 10.0;

/// The limits of one account; none where a number is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Requests at once, at least 1.
    pub concurrency: usize,
    /// Requests a second, in the long run.
    pub rate: Option<f64>,
    /// Requests that may come at once after a rest; at least 1.
    pub burst: f64,
    /// Requests a day.
    pub daily: Option<u64>,
    /// Where the day begins at midnight.
    pub zone: TimeZone,
}

pub fn resolve(settings: &DeliverySettings, destination: &Destination) -> Result<Limits, Error> {
    let DeliverySettings { rate, burst, daily, daily_zone, concurrency, .. } = settings;
    if *daily == Some(0) {
        return Err(Error::value("delivery.daily", "is 0; leave it out for no limit"));
    }
    let is_googles =
        matches!(destination, Destination::Remote { base_url, .. } if base_url.host_str() == Some(GOOGLES_HOST));
    Ok(Limits {
        concurrency: *concurrency,
        rate: rate.or(is_googles.then_some(GOOGLES_RATE)),
        burst: burst.map_or(if is_googles { GOOGLES_BURST } else { BURST }, f64::from),
        daily: *daily,
        zone: check::zone("delivery.daily_zone", daily_zone)?,
    })
}
