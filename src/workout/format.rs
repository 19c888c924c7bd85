//! The kinds of file that hold workouts, and whose words each of them uses.

use serde::{Deserialize, Serialize};

/// A kind of file that holds workouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Garmin's binary activity files, written by watches of all makes.
    Fit,
    /// Garmin's TrainingCenterDatabase XML.
    Tcx,
    /// Tracks of any device or program.
    Gpx,
    /// Apple Health's `export.xml`.
    AppleHealth,
    /// JSON of the app Health Auto Export.
    HealthAutoExport,
    /// Sessions in a Google Takeout of Fit.
    GoogleFit,
    /// `exercise-*.json` of a Fitbit or Google Health export.
    Fitbit,
    /// `UserExercises_*.csv` of a Google Health export.
    GoogleHealth,
    /// `activities.csv` of a Strava bulk export.
    Strava,
    /// `summarizedActivities` of a Garmin account export.
    GarminExport,
    /// `Activities.csv` of Garmin Connect's list.
    GarminActivities,
    /// `com.samsung.shealth.exercise` tables.
    SamsungHealth,
    /// Training sessions of a Polar Flow export.
    Polar,
    /// Hevy's table of sets.
    Hevy,
    /// Strong's table of sets.
    Strong,
    /// `cardioActivities.csv` of a Runkeeper export.
    Runkeeper,
    /// Nike Run Club activities.
    Nike,
    /// Peloton's table of workouts.
    Peloton,
    /// A season of the Concept2 logbook.
    #[serde(rename = "concept2")]
    Concept2,
    /// Suunto's device log in JSON.
    Suunto,
    /// Sport sessions of a Runtastic or adidas Running export.
    Runtastic,
    /// OpenTracks' KML, also zipped as KMZ.
    #[serde(rename = "opentracks")]
    OpenTracks,
    /// The sessions API's own JSON, as its lists and `pull` write it.
    Sessions,
}

impl Format {
    pub const ALL: [Self; 23] = [
        Self::Fit,
        Self::Tcx,
        Self::Gpx,
        Self::AppleHealth,
        Self::HealthAutoExport,
        Self::GoogleFit,
        Self::Fitbit,
        Self::GoogleHealth,
        Self::Strava,
        Self::GarminExport,
        Self::GarminActivities,
        Self::SamsungHealth,
        Self::Polar,
        Self::Hevy,
        Self::Strong,
        Self::Runkeeper,
        Self::Nike,
        Self::Peloton,
        Self::Concept2,
        Self::Suunto,
        Self::Runtastic,
        Self::OpenTracks,
        Self::Sessions,
    ];

    /// As the command line and the store call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Tcx => "tcx",
            Self::Gpx => "gpx",
            Self::AppleHealth => "apple-health",
            Self::HealthAutoExport => "health-auto-export",
            Self::GoogleFit => "google-fit",
            Self::Fitbit => "fitbit",
            Self::GoogleHealth => "google-health",
            Self::Strava => "strava",
            Self::GarminExport => "garmin-export",
            Self::GarminActivities => "garmin-activities",
            Self::SamsungHealth => "samsung-health",
            Self::Polar => "polar",
            Self::Hevy => "hevy",
            Self::Strong => "strong",
            Self::Runkeeper => "runkeeper",
            Self::Nike => "nike",
            Self::Peloton => "peloton",
            Self::Concept2 => "concept2",
            Self::Suunto => "suunto",
            Self::Runtastic => "runtastic",
            Self::OpenTracks => "opentracks",
            Self::Sessions => "sessions",
        }
    }

    /// The format of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Whose words for sports it uses, as in the setting `"strava:Pickleball" = 87`.
    pub fn vendor(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Tcx => "tcx",
            Self::Gpx => "gpx",
            Self::AppleHealth => "apple",
            Self::HealthAutoExport => "hae",
            Self::GoogleFit => "googlefit",
            Self::Fitbit | Self::GoogleHealth => "fitbit",
            Self::Strava => "strava",
            Self::GarminExport | Self::GarminActivities => "garmin",
            Self::SamsungHealth => "samsung",
            Self::Polar => "polar",
            Self::Hevy => "hevy",
            Self::Strong => "strong",
            Self::Runkeeper => "runkeeper",
            Self::Nike => "nike",
            Self::Peloton => "peloton",
            Self::Concept2 => "concept2",
            Self::Suunto => "suunto",
            Self::Runtastic => "runtastic",
            Self::OpenTracks => "opentracks",
            Self::Sessions => "sessions",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_stored_ones_and_tell_formats_apart() {
        for format in Format::ALL {
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
    }
}
