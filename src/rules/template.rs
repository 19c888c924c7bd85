//! Names of sessions as people write them in the settings: words, and fields in braces.

/// A name with gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    Field(Field),
}

/// What a gap is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// As the person called it.
    Title,
    /// Morning, Afternoon, Evening or Night.
    TimeOfDay,
    /// What people call such a workout: run, ride, yoga session.
    Sport,
    /// Its day, local, as 2026-04-12.
    Date,
    /// Its start, local, as 06:30.
    Time,
    /// As 10.23 km.
    Distance,
    /// Without pauses, as 0:59:00.
    Duration,
    Device,
}

const FIELDS: [(&str, Field); 8] = [
    ("title", Field::Title),
    ("time_of_day", Field::TimeOfDay),
    ("sport", Field::Sport),
    ("date", Field::Date),
    ("time", Field::Time),
    ("distance", Field::Distance),
    ("duration", Field::Duration),
    ("device", Field::Device),
];

impl Template {
    /// From text such as "{time_of_day} {sport}"; an error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!("is \"{text}\", where a brace is not closed"));
            };
            let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name.trim()) else {
                let known = FIELDS.map(|(name, _)| format!("{{{name}}}")).join(", ");
                return Err(format!("has the field {{{name}}}; there are {known}"));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Field(*field));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        Ok(Self(parts))
    }

    /// The title, else time of day and sport.
    pub fn defaults() -> Vec<Self> {
        vec![Self(vec![Part::Field(Field::Title)]), Self::last_resort()]
    }

    /// The one whose fields are always known.
    pub fn last_resort() -> Self {
        Self(vec![Part::Field(Field::TimeOfDay), Part::Text(" ".to_owned()), Part::Field(Field::Sport)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_words_and_fields() {
        let defaults = ["{title}", "{time_of_day} {sport}"].map(|text| Template::parse(text).unwrap());
        assert_eq!(defaults.to_vec(), Template::defaults());
        let parts = Template::parse("My { sport }!").unwrap().0;
        assert_eq!(parts, [Part::Text("My ".into()), Part::Field(Field::Sport), Part::Text("!".into())]);
        for (text, word) in [("", "empty"), (" ", "empty"), ("{titel}", "{title}"), ("a {title", "closed")] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
