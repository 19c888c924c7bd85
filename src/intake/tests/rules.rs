//! Types, names, privacy and skipping: applied when a session is made, and again when they change.

use super::*;
use crate::rules::{FolderRules, Privacy, Skip, Template, Types};

fn utc() -> Rules {
    Rules::of(TimeZone::UTC)
}

fn ride(word: &str) -> Workout {
    let mut workout = run(Format::Strava, "2026-04-12T06:30:15Z", 60);
    workout.set_sport(Some(word.to_owned()), None);
    workout.source.title = Some("Round the lake".to_owned());
    workout.source.notes = Some("Windy".to_owned());
    workout
}

fn name_and_type(bench: &Bench) -> (String, i64) {
    let body = bench.bodies().remove(0);
    (body["name"].as_str().unwrap().to_owned(), body["activityType"].as_i64().unwrap())
}

#[test]
fn changed_rules_make_new_revisions_without_reading() {
    let mut bench = Bench::new();
    let receipt = bench.take("/w/a.csv", &[ride("Velomobile 2")]);
    assert_eq!(name_and_type(&bench), ("Round the lake".to_owned(), 108));
    let unknown = |bench: &Bench| bench.ask(|c| records::unknown_sports(c, 1));
    assert_eq!(unknown(&bench), [("strava:Velomobile 2".to_owned(), 1)]);

    let types = Types::parse([("strava:velomobile 2", 1)].into_iter()).unwrap();
    assert_eq!(bench.restart(Rules { types: types.clone(), ..utc() }), 1);
    assert_eq!(name_and_type(&bench), ("Round the lake".to_owned(), 1));

    let privacy = Privacy { title: false, notes: false, description: true };
    assert_eq!(bench.restart(Rules { types, privacy, ..utc() }), 1);
    assert_eq!(name_and_type(&bench), ("Morning ride".to_owned(), 1));
    assert_eq!(bench.bodies()[0]["description"], "1:00:00");

    let names = vec![Template::parse("{sport} on {date}").unwrap()];
    assert_eq!(bench.restart(Rules { names: names.clone(), ..utc() }), 1);
    assert_eq!(name_and_type(&bench), ("workout on 2026-04-12".to_owned(), 108));
    assert_eq!(bench.restart(Rules { names, ..utc() }), 0);
    assert_eq!(bench.queued(), ["fitferry-20260412T063015Z@4"], "one session, of which the newest revision waits");
    assert_eq!(bench.take("/w/a.csv", &[ride("Velomobile 2")]).sessions, receipt.sessions);
}

#[test]
fn a_skipped_workout_is_remembered_and_not_sent() {
    let short = Rules { skip: Skip { shorter_than: Some(SignedDuration::from_mins(5)), ..Skip::default() }, ..utc() };
    let mut bench = Bench::with(short.clone());
    let workouts = [run(Format::Fit, "2026-04-12T06:30:15Z", 4), run(Format::Fit, "2026-04-13T06:30:15Z", 40)];
    let receipt = bench.take("/w/a.fit", &workouts);
    assert_eq!((receipt.verdict, receipt.changed.len()), (Verdict::Queued, 1));
    let why = "1 of 2 workouts are skipped by your rules: shorter than 5m";
    assert_eq!(receipt.reason.as_deref(), Some(why));
    let skipped = ("skipped".to_owned(), Some("shorter than 5m".to_owned()));
    assert_eq!(bench.states(), [skipped.clone(), ("queued".to_owned(), None)]);
    let again = bench.take("/w/a.fit", &workouts);
    assert_eq!((again.verdict, again.reason.as_deref()), (Verdict::Known, Some(why)));
    bench.deliver();
    assert_eq!(bench.states(), [skipped, ("delivered".to_owned(), None)]);
    let account = bench.person.account;
    bench.ask(move |c| outbox::queue_difference(c, account, Timestamp::now()));
    assert!(bench.queued().is_empty(), "a start does not queue it either");

    assert_eq!(bench.restart(utc()), 1, "without the rule it is sent");
    assert_eq!(bench.queued().len(), 1);
    assert_eq!(bench.restart(short.clone()), 0, "and with it, not");
    assert!(bench.queued().is_empty());
    bench.restart(utc());
    bench.deliver();
    bench.restart(short);
    let delivered = ("delivered".to_owned(), None);
    assert_eq!(bench.states(), [delivered.clone(), delivered], "what is there stays there");
    let settled = store::listing::accounts(&bench.store.reader().unwrap()).unwrap()[0].settled;
    assert_eq!((settled.delivered, settled.skipped), (2, 0));
}

#[test]
fn a_folder_is_skipped_unless_another_file_tells_too() {
    let folder = FolderRules { paths: vec!["/w/old".into()], zone: None, skip: true };
    let bench = Bench::with(Rules { folders: vec![folder], ..utc() });
    let workout = run(Format::Fit, "2026-04-12T06:30:15Z", 60);
    let receipt = bench.take("/w/old/a.fit", std::slice::from_ref(&workout));
    assert_eq!((receipt.verdict, receipt.changed.len()), (Verdict::Known, 0));
    let receipt = bench.take("/w/new/a.fit", &[workout]);
    assert_eq!((receipt.verdict, receipt.changed.len()), (Verdict::Queued, 1));
    let (person, now) = (bench.person.clone(), Timestamp::now());
    let forgotten = bench.ask(move |c| forget(c, &person, 2, now));
    assert_eq!((forgotten.deleted, forgotten.changed), (0, 0));
    assert!(bench.queued().is_empty(), "it is skipped again");
}
