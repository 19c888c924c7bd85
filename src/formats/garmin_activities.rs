//! Garmin Connect's `Activities.csv`: the list of activities as its web page downloads it.
//!
//! Facts: exports in English, German, French, Italian and Dutch. Times are local without a zone. The first seven columns
//! have kept their order; numbers are printed in the account's language, `--` is nothing. Whether distances are
//! kilometres or miles is not told: they are taken where a decimal comma, which nobody with miles has, says so. The list
//! carries no number of the activity.

use super::reading::Reading;
use super::table::clock;
use super::table::value::length;
use super::table::{Header, Row, Table};
use super::{Options, number, sport_translations};
use crate::workout::{Format, Metrics, Workout};
use std::io::{self, Read};

const SPORT: &[&str] = &[
    "activity type",
    "aktivitätstyp",
    "type d'activité",
    "tipo de actividad",
    "tipo di attività",
    "activiteittype",
    "tipo de atividade",
];
const DATE: &[&str] = &["date", "datum", "fecha", "data"];
const TITLE: &[&str] = &["title", "titel", "titre", "título", "titolo"];
const TIME: &[&str] = &["time", "zeit", "durée", "tiempo", "tempo", "tijd"];
const ELAPSED: &[&str] = &[
    "elapsed time",
    "verstrichene zeit",
    "temps écoulé",
    "tiempo transcurrido",
    "tempo trascorso",
    "verstreken tijd",
    "tempo decorrido",
];
const AVERAGE_HEART_RATE: &[&str] = &[
    "avg hr",
    "ø hf",
    "ø herzfrequenz",
    "fréquence cardiaque moyenne",
    "fc media",
    "frecuencia cardiaca media",
    "gem. hs",
    "fc média",
];
const MAX_HEART_RATE: &[&str] = &[
    "max hr",
    "max. hf",
    "maximale herzfrequenz",
    "fréquence cardiaque maximale",
    "fc max",
    "fc máxima",
    "fc máx.",
    "max. hs",
];
const ASCENT: &[&str] = &[
    "total ascent",
    "elev gain",
    "anstieg gesamt",
    "positiver höhenunterschied",
    "ascension totale",
    "ascesa totale",
    "ascenso total",
    "totale stijging",
];

/// Whether this is the header of the list; marks that are not translated tell it in other languages.
pub fn recognises(header: &Header) -> bool {
    let named = SPORT.contains(&header.name(0)) && DATE.contains(&header.name(1));
    let marked =
        ["training stress score®", "normalized power®", "body battery"].iter().any(|mark| header.mentions(mark));
    header.len() > 6 && (named && header.find(TIME).is_some() || marked)
}

/// Reads the list.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.workouts(Format::GarminActivities, |row| columns.workout(row, options))
}

struct Columns {
    date: Option<usize>,
    title: Option<usize>,
    distance: Option<usize>,
    energy: Option<usize>,
    time: Option<usize>,
    elapsed: Option<usize>,
    average_heart_rate: Option<usize>,
    max_heart_rate: Option<usize>,
    ascent: Option<usize>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        Self {
            date: header.find(DATE).or(Some(1)),
            title: header.find(TITLE).or(Some(3)),
            distance: Some(4),
            energy: Some(5),
            time: header.find(TIME).or(Some(6)),
            elapsed: header.find(ELAPSED),
            average_heart_rate: header.find(AVERAGE_HEART_RATE),
            max_heart_rate: header.find(MAX_HEART_RATE),
            ascent: header.find(ASCENT),
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let start = row.time("date", self.date, |text| clock::floating(text, Format::GarminActivities, options))?;
        let time = |column| row.value(column).and_then(|text| length(&text));
        let active = time(self.time);
        let elapsed = time(self.elapsed).or(active).ok_or("no length of time")?;
        let mut workout = start.workout(Format::GarminActivities, elapsed.max(active.unwrap_or_default()), options)?;
        let title = row.word(self.title);
        workout.key = Some(start.key(Format::GarminActivities.as_str(), title.as_deref().unwrap_or_default()));
        workout.active_millis = active.filter(|active| *active > 0);
        let sport = row.word(Some(0));
        let meaning = sport.as_deref().and_then(sport_translations::activity_type);
        workout.set_sport(sport, meaning);
        workout.source.title = title;
        let metric = row.value(self.distance).is_some_and(|text| is_metric(&text));
        workout.metrics = Metrics {
            distance_meters: row.grouped(self.distance).filter(|_| metric).map(|kilometers| kilometers * 1000.0),
            energy_kcal: row.grouped(self.energy).and_then(number::rounded),
            average_heart_rate: row.grouped(self.average_heart_rate).and_then(number::rounded),
            max_heart_rate: row.grouped(self.max_heart_rate).and_then(number::rounded),
            ascent_meters: row.grouped(self.ascent).filter(|_| metric).and_then(number::rounded),
        };
        Ok(workout)
    }
}

/// Two digits behind a comma: kilometres, as swims in metres have no fraction.
fn is_metric(distance: &str) -> bool {
    distance.rsplit_once(',').is_some_and(|(_, part)| part.len() == 2)
}
