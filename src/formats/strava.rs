//! Strava's `activities.csv`, the index of a bulk export, and the list that its web page downloads.
//!
//! Facts: exports of 2021 to 2026 with 87 to 101 columns. Dates are UTC. The header, the types and the dates are in the
//! account's language; the first columns have kept their order for years, and two names occur twice in the same places:
//! first what the page shows, then seconds and metres. `Filename` names the file of the activity by the upload's number,
//! which is not the activity's.

use super::Options;
use super::reading::Reading;
use super::sport_translations;
use super::table::clock;
use super::table::value::length;
use super::table::{Header, Row, Table};
use crate::workout::{Format, Key, Metrics, Workout};
use std::io::{self, Read};

/// The first column's name. Headers in other languages are known by their doubled names.
const ID: &[&str] = &[
    "activity id",
    "aktivitäts-id",
    "id de l'activité",
    "id de actividad",
    "id de la actividad",
    "id attività",
    "id dell'attività",
    "activiteits-id",
    "id van activiteit",
    "id da atividade",
    "id aktywności",
];
const FILE: &[&str] = &[
    "filename",
    "dateiname",
    "nom du fichier",
    "nombre de archivo",
    "nombre del archivo",
    "nome del file",
    "bestandsnaam",
    "nome do arquivo",
    "nazwa pliku",
];
const ELAPSED: &[&str] =
    &["elapsed time", "verstrichene zeit", "temps écoulé", "tiempo transcurrido", "tempo trascorso"];

/// Whether this is the header of one of Strava's tables.
pub fn recognises(header: &Header) -> bool {
    ID.contains(&header.name(0)) && header.len() > 5 || is_regular(header) || is_web_list(header)
}

/// Whether the doubled names stand where they always did, whatever language they are in.
fn is_regular(header: &Header) -> bool {
    let same =
        |first: usize, second: usize| !header.name(first).is_empty() && header.name(first) == header.name(second);
    same(5, 15) && same(6, 17)
}

fn is_web_list(header: &Header) -> bool {
    header.has(&["id", "name", "type", "start_time", "elapsed_time_raw"])
}

/// Reads either table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.rows(Format::Strava, |row, reading| {
        let key = columns.key(row);
        let file = row.word(columns.file).filter(|file| file.contains('/'));
        if let (Some(key), Some(file)) = (&key, file) {
            reading.accompany(file, key.clone());
        }
        reading.add(columns.workout(row, key, options)?);
        Ok(())
    })
}

#[derive(Default)]
struct Columns {
    id: Option<usize>,
    date: Option<usize>,
    title: Option<usize>,
    sport: Option<usize>,
    notes: Option<usize>,
    file: Option<usize>,
    elapsed: Option<usize>,
    elapsed_raw: Option<usize>,
    moving: Option<usize>,
    meters: Option<usize>,
    ascent: Option<usize>,
    average_heart_rate: Option<usize>,
    max_heart_rate: Option<usize>,
    energy: Option<usize>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        if is_web_list(header) {
            return Self::of_web_list(header);
        }
        // A name that is known, else the place where it stands in all languages.
        let regular = is_regular(header);
        let place = |names: &[&str], place: usize| header.find(names).or(regular.then_some(place));
        Self {
            id: Some(0),
            date: Some(1),
            title: Some(2),
            sport: Some(3),
            notes: Some(4),
            file: header.find(FILE).or((header.len() > 12).then_some(12)),
            elapsed: header.find(ELAPSED).or(Some(5)),
            elapsed_raw: header.nth(ELAPSED, 1).or(regular.then_some(15)),
            moving: place(&["moving time", "bewegungszeit", "durée de déplacement", "tiempo en movimiento"], 16),
            meters: header.nth(&["distance", "distanz", "distancia", "distanza"], 1).or(regular.then_some(17)),
            ascent: place(&["elevation gain", "höhenzunahme", "dénivelé positif"], 20),
            average_heart_rate: place(&["average heart rate", "durchschnittliche herzfrequenz"], 31),
            max_heart_rate: header.nth(&["max heart rate", "max. herzfrequenz"], 1).or(regular.then_some(30)),
            energy: place(&["calories", "kalorien"], 34),
        }
    }

    fn of_web_list(header: &Header) -> Self {
        let find = |name: &str| header.find(&[name]);
        Self {
            id: find("id"),
            date: find("start_time"),
            title: find("name"),
            sport: find("type"),
            notes: find("description"),
            elapsed: find("elapsed_time_raw"),
            moving: find("moving_time_raw"),
            meters: find("distance_raw"),
            ascent: find("elevation_gain_raw"),
            ..Self::default()
        }
    }

    fn key(&self, row: &Row<'_>) -> Option<Key> {
        let id = row.value(self.id).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))?;
        (id.len() <= 20).then(|| Key { vendor: "strava".to_owned(), id: id.into_owned() })
    }

    fn workout(&self, row: &Row<'_>, key: Option<Key>, options: &Options) -> Result<Workout, String> {
        let key = key.ok_or("no activity number in the first column")?;
        let start = row.time("date", self.date, clock::utc)?;
        let time = |column| row.value(column).and_then(|text| length(&text));
        let elapsed = time(self.elapsed).or_else(|| time(self.elapsed_raw)).ok_or("no elapsed time")?;
        let mut workout = start.workout(Format::Strava, elapsed, options)?;
        workout.key = Some(key);
        workout.active_millis = time(self.moving).filter(|moving| *moving > 0);
        let sport = row.word(self.sport);
        let meaning = sport.as_deref().and_then(sport_translations::activity_type);
        workout.set_sport(sport, meaning);
        workout.source.title = row.word(self.title);
        workout.source.notes = row.notes(self.notes);
        workout.metrics = Metrics {
            distance_meters: row.number(self.meters),
            energy_kcal: row.whole(self.energy),
            average_heart_rate: row.whole(self.average_heart_rate),
            max_heart_rate: row.whole(self.max_heart_rate),
            ascent_meters: row.whole(self.ascent),
        };
        Ok(workout)
    }
}
