//! The rules for workouts as they are written, for everybody and for single accounts.

use super::declare::settings;
use super::{AccountSettings, Error, Folder, Period, Settings, check, places};
use crate::rules::{FolderRules, Privacy, Rules, Skip, Template, Types};
use crate::workout::{ActivityType, Format};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

settings! {
    /// What an account does not say is taken from the rules for everybody.
    pub struct RulesSettings like "[rules]
name = [\"{title}\", \"{sport} of {date}\"]
notes = false
skip_shorter_than = \"2m\"
skip_types = [7]" {
        /// The first of these whose fields are all known is what a session is called. There are {title}, {time_of_day}, {sport},
        /// {date}, {time}, {distance}, {duration} and {device}.
        name: Option<Vec<String>>, unset("[\"{title}\", \"{time_of_day} {sport}\"]");

        /// Whether sessions tell the title that the person gave.
        title: Option<bool>, unset("true");

        /// Whether sessions tell the notes that the person wrote.
        notes: Option<bool>, unset("true");

        /// Whether sessions have a description: notes, distance, heart rate and the like.
        description: Option<bool>, unset("true");

        /// Workouts shorter than this are remembered, but not sent.
        skip_shorter_than: Option<Period>, unset("\"0s\"");

        /// Workouts before this day (its midnight in your time zone) are remembered, but not sent.
        skip_before: Option<String>, unit("day"), like("\"1970-01-01\"");

        /// Workouts of these types, as numbers of the API's table, are remembered, but not sent.
        skip_types: Option<Vec<i64>>, unset("[]");
    }
}

pub fn resolve(
    account: &AccountSettings,
    settings: &Settings,
    zone: &TimeZone,
    folders: &[Folder],
) -> Result<Rules, Error> {
    let (own, common) = (&account.rules, &settings.rules);
    let privacy = Privacy {
        title: own.title.or(common.title).unwrap_or(true),
        notes: own.notes.or(common.notes).unwrap_or(true),
        description: own.description.or(common.description).unwrap_or(true),
    };
    Ok(Rules {
        zone: zone.clone(),
        zones: zones(account, settings)?,
        folders: folders.iter().map(folder).collect::<Result<_, _>>()?,
        types: types(account, settings)?,
        names: names(own.name.as_ref().or(common.name.as_ref()))?,
        privacy,
        skip: skip(own, common, zone)?,
    })
}

/// Those of the account go before those for everybody.
fn zones(account: &AccountSettings, settings: &Settings) -> Result<Vec<(Format, TimeZone)>, Error> {
    let mut merged: BTreeMap<&str, &str> = BTreeMap::new();
    for (format, zone) in settings.timezones.iter().chain(&account.timezones) {
        merged.insert(format, zone);
    }
    let zone = |(name, zone): (&str, &str)| {
        let key = format!("timezones.{name}");
        let format = Format::parse(name).ok_or_else(|| {
            let known = Format::ALL.map(Format::as_str).join(", ");
            Error::value(key.clone(), format!("is no format; there are {known}"))
        })?;
        Ok((format, check::zone(&key, zone)?))
    };
    merged.into_iter().map(zone).collect()
}

fn folder(folder: &Folder) -> Result<FolderRules, Error> {
    let zone = folder.timezone.as_deref().map(|zone| check::zone("folders.timezone", zone)).transpose()?;
    let real = places::real(&folder.path);
    let mut paths = vec![folder.path.clone()];
    if real != folder.path {
        paths.push(real);
    }
    Ok(FolderRules { paths, zone, skip: folder.skip })
}

fn types(account: &AccountSettings, settings: &Settings) -> Result<Types, Error> {
    let entries = settings.types.iter().chain(&account.types);
    Types::parse(entries.map(|(word, number)| (word.as_str(), *number)))
        .map_err(|(word, what)| Error::value(format!("types.\"{word}\""), what))
}

fn names(written: Option<&Vec<String>>) -> Result<Vec<Template>, Error> {
    let Some(written) = written else { return Ok(Template::defaults()) };
    let parse = |text: &String| Template::parse(text).map_err(|what| Error::value("rules.name", what));
    written.iter().map(parse).collect()
}

fn skip(own: &RulesSettings, common: &RulesSettings, zone: &TimeZone) -> Result<Skip, Error> {
    let shorter_than = own.skip_shorter_than.or(common.skip_shorter_than).filter(|period| !period.get().is_zero());
    let shorter_than = shorter_than.map(|period| SignedDuration::try_from(period.get()).unwrap_or(SignedDuration::MAX));
    let before = own.skip_before.as_ref().or(common.skip_before.as_ref());
    let before = before.map(|day| {
        let wrong = || Error::value("rules.skip_before", format!("is \"{day}\"; use a day such as \"2020-01-01\""));
        let day: Date = day.parse().map_err(|_| wrong())?;
        day.to_zoned(zone.clone()).map(|midnight| midnight.timestamp()).map_err(|_| wrong())
    });
    let kind = |number: &i64| {
        let what = || format!("has {number}; use numbers of the API's table of activity types");
        ActivityType::new(*number).ok_or_else(|| Error::value("rules.skip_types", what()))
    };
    let types = own.skip_types.as_ref().or(common.skip_types.as_ref());
    let types = types.map(|types| types.iter().map(kind).collect::<Result<Vec<_>, _>>()).transpose()?;
    Ok(Skip { shorter_than, before: before.transpose()?, types: types.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(toml: &str) -> Result<Rules, Error> {
        let settings: Settings = toml::from_str(toml).unwrap();
        let account = settings.account.first().cloned().unwrap_or_default();
        resolve(&account, &settings, &TimeZone::get("Europe/Berlin").unwrap(), &account.folders)
    }

    #[test]
    fn an_account_covers_what_holds_for_everybody() {
        let rules = resolved(
            "timezones = {strong = 'Asia/Tokyo', hevy = 'Asia/Tokyo'}
             types = {'strava:Pickleball' = 87, 'fit:running/trail' = 58}
             rules = {title = false, notes = false, skip_shorter_than = '1m', skip_types = [7]}
             [[account]]
             folders = [{path = '/w', timezone = 'America/New_York', skip = true}]
             timezones = {hevy = 'Europe/Paris'}
             types = {'strava:pickleball' = 88}
             rules = {title = true, skip_before = '2020-01-01', skip_types = [], name = ['{sport}']}",
        )
        .unwrap();
        let zones: Vec<_> = rules.zones.iter().map(|(format, zone)| (*format, zone.iana_name().unwrap())).collect();
        assert_eq!(zones, [(Format::Hevy, "Europe/Paris"), (Format::Strong, "Asia/Tokyo")]);
        assert_eq!(rules.types.get("strava:Pickleball"), ActivityType::new(88));
        assert_eq!(rules.types.get("fit:running/trail"), ActivityType::new(58));
        assert_eq!(rules.privacy, Privacy { title: true, notes: false, description: true });
        assert_eq!(rules.skip.shorter_than, Some(SignedDuration::from_mins(1)));
        assert_eq!(rules.skip.before.unwrap().to_string(), "2019-12-31T23:00:00Z");
        assert_eq!(rules.skip.types, []);
        assert_eq!(rules.names, [Template::parse("{sport}").unwrap()]);
        assert!(rules.folders[0].skip && rules.folders[0].zone.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (toml, key, what) in [
            ("timezones = {strng = 'UTC'}", "timezones.strng", "strong"),
            ("timezones = {strong = 'Mars'}", "timezones.strong", "IANA"),
            ("types = {Pickleball = 87}", "types.\"Pickleball\"", "vendor"),
            ("types = {'strava:Pickleball' = 300}", "types.\"strava:Pickleball\"", "300"),
            ("rules = {name = ['{titel}']}", "rules.name", "{title}"),
            ("rules = {skip_before = 'last year'}", "rules.skip_before", "2020-01-01"),
            ("rules = {skip_types = [6]}", "rules.skip_types", "6"),
            ("[[account]]\nfolders = [{path = '/w', timezone = 'Mars'}]", "folders.timezone", "Mars"),
        ] {
            let error = resolved(toml).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")) && error.contains(what), "{toml}: {error}");
        }
    }
}
