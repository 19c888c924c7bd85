//! Whatever the order in which files arrive: the same sessions, equal in every field but the id.

use super::*;
use proptest::prelude::*;

const FORMATS: [Format; 4] = [Format::Fit, Format::Tcx, Format::Gpx, Format::Strava];

/// The same workout as one format tells it: with the start of its own clock, and what it knows.
fn told(format: Format, index: i64) -> Workout {
    let place = i64::try_from(FORMATS.iter().position(|other| *other == format).unwrap()).unwrap();
    let start = Timestamp::from_second(1_700_000_000 + index * 40_000 + place * 20 * (index % 2)).unwrap();
    let mut workout = Workout::new(format, start, start + SignedDuration::from_mins(30 + index % 90 + place % 2));
    let kinds = [8, 58, 108, 108].map(|number| ActivityType::new(number).unwrap());
    workout.activity_type = kinds[usize::try_from((place + index) % 4).unwrap()];
    let id = format!("{index}");
    match format {
        Format::Fit => {
            workout.key = Some(Key { vendor: "fit-1-2".to_owned(), id });
            workout.source.device = Some("Watch".to_owned());
            workout.metrics.average_heart_rate = Some(140);
        }
        Format::Tcx => workout.source.notes = Some(format!("Notes {index}")),
        Format::Gpx => workout.source.title = Some(format!("Track {index}")),
        _ => {
            workout.key = Some(Key { vendor: "strava".to_owned(), id });
            workout.source.title = (index % 3 > 0).then(|| format!("Run {index}"));
            workout.metrics.energy_kcal = Some(500);
        }
    }
    workout.metrics.distance_meters = (place != 3).then(|| 10_000.0 + f64::from(u8::try_from(place).unwrap()));
    workout
}

fn files() -> impl Strategy<Value = Vec<(Vec<Workout>, bool)>> {
    let file =
        (proptest::sample::select(FORMATS.to_vec()), proptest::collection::btree_set(0..6_i64, 1..5), any::<bool>());
    let file = file.prop_map(|(format, indices, is_removed)| {
        (indices.into_iter().map(|index| told(format, index)).collect(), is_removed)
    });
    proptest::collection::vec(file, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_files_in_any_order_and_some_removed(
        (files, shuffled) in files().prop_flat_map(|files| {
            let files: Vec<(usize, (Vec<Workout>, bool))> = files.into_iter().enumerate().collect();
            (Just(files.clone()), Just(files).prop_shuffle())
        })
    ) {
        let outcome = |files: &[(usize, (Vec<Workout>, bool))]| {
            let bench = Bench::new();
            bench.take_all(
                files.iter().map(|(index, (workouts, _))| seen(&format!("/w/{index}"), workouts)).collect(),
            );
            for (index, _) in files.iter().filter(|(_, (_, is_removed))| *is_removed) {
                let (person, path) = (bench.person.clone(), PathBuf::from(format!("/w/{index}")));
                bench.ask(move |c| {
                    let file = files::row(c, person.account, &path)?.unwrap();
                    forget(c, &person, file, Timestamp::now())
                });
            }
            bench.bodies()
        };
        let all = outcome(&files);
        prop_assert_eq!(&all, &outcome(&shuffled));
        let left: Vec<_> = files.iter().filter(|(_, (_, is_removed))| !is_removed).cloned().collect();
        prop_assert_eq!(all, outcome(&left), "what is removed leaves nothing behind but what others tell");
    }
}
