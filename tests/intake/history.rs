//! Exports that hold somebody's whole history: read in a wrong time zone, and dropped again as it grows.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use jiff::civil::DateTime;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// As many as somebody had when the zone was wrong.
const ROWS: i64 = 1834;

/// A place that delivers to a server of the test's own, in a time zone.
fn place_in(zone: &str, server: &FaultServer) -> Place {
    let place = Place::new();
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    set_zone(&place, zone, server);
    place
}

fn set_zone(place: &Place, zone: &str, server: &FaultServer) {
    let destination = server.destination(&place.dir.path().join("token"));
    let folder = place.folder().display().to_string();
    let config = format!("folders = ['{folder}']\ntimezone = '{zone}'\nwatch.settle = '100ms'\n{destination}");
    fs::write(place.config(), config).unwrap();
}

/// The clock on the wall when a workout began: evenings, so that no clock is one that never was.
fn clock(first: &str, index: i64) -> DateTime {
    let first: DateTime = first.parse().unwrap();
    first.checked_add(Span::new().days(index).minutes(index * 7 % 300)).unwrap()
}

/// Two sets to each workout.
fn strong(workouts: i64) -> String {
    let mut text = "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps\n".to_owned();
    for index in 0..workouts {
        let start = clock("2019-03-01T17:30:00", index).strftime("%Y-%m-%d %H:%M:%S").to_string();
        for set in 1..=2 {
            text += &format!("{start},Day {},{}m,Squat,{set},80,5\n", index % 3, 40 + index % 30);
        }
    }
    text
}

/// The newest first, as the app writes it.
fn hevy(workouts: i64) -> String {
    let mut text = "\"title\",\"start_time\",\"end_time\",\"description\",\"exercise_title\",\"set_index\",\"weight_kg\",\"reps\"\n".to_owned();
    for index in (0..workouts).rev() {
        let start = clock("2012-03-01T17:30:00", index);
        let end = start.checked_add(Span::new().minutes(45)).unwrap();
        let [start, end] = [start, end].map(|clock| clock.strftime("%-d %b %Y, %H:%M").to_string());
        text += &format!("\"Push\",\"{start}\",\"{end}\",\"\",\"Bench Press\",0,60,8\n");
    }
    text
}

fn apple_health(workouts: i64) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<HealthData locale=\"en_GB\">\n".to_owned();
    for index in 0..workouts {
        let print = |seconds: i64| {
            let at = Timestamp::from_second(1_000_000_000 + index * 86_400 + seconds).unwrap();
            at.strftime("%Y-%m-%d %H:%M:%S +0000").to_string()
        };
        let (start, end) = (print(0), print(3000));
        text += &format!(
            " <Record type=\"HKQuantityTypeIdentifierHeartRate\" startDate=\"{start}\" value=\"90\"/>\n <Workout \
             workoutActivityType=\"HKWorkoutActivityTypeRunning\" duration=\"50\" durationUnit=\"min\" startDate=\"{start}\" \
             endDate=\"{end}\"><WorkoutActivity uuid=\"00000000-0000-4000-8000-{index:012}\" startDate=\"{start}\" \
             endDate=\"{end}\" duration=\"50\" durationUnit=\"min\"/></Workout>\n"
        );
    }
    text + "</HealthData>\n"
}

fn wait_until_settled(place: &Place) {
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
}

fn count_of_puts(server: &FaultServer) -> u32 {
    server.puts().values().sum()
}

/// Drops one more workout and waits for it: whatever was queued before would be sent before or beside it.
fn deliver_another(place: &Place, daemon: &mut Daemon) {
    place.drop_file("marker.fit", Run::at(900_000_000).build());
    daemon.wait_for_where("session.delivered", |event| event["session"] == "fitferry-19980709T160000Z");
    wait_until_settled(place);
}

fn revisions(place: &Place) -> BTreeMap<String, i64> {
    let listed = place.json(&["sessions", "list", "--json"]).into_iter();
    listed.map(|session| (session["id"].as_str().unwrap().to_owned(), session["revision"].as_i64().unwrap())).collect()
}

/// By start, without the ids and what the server adds.
fn bodies(sessions: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut bodies: Vec<Value> = sessions.collect();
    for session in &mut bodies {
        let session = session.as_object_mut().unwrap();
        session.remove("id").expect("an id");
        session.remove("modifiedTimeMillis");
    }
    bodies.sort_by_key(|session| session["startTimeMillis"].as_str().map(str::to_owned));
    bodies
}

#[test]
fn a_history_read_in_a_wrong_zone_is_revised_and_not_doubled() {
    let server = FaultServer::start("right");
    let place = place_in("Europe/Berlin", &server);
    let mut daemon = place.start();
    let path = place.drop_file("strong.csv", strong(ROWS));
    assert_eq!(daemon.wait_for("file.queued")["changed"], ROWS);
    let rows = usize::try_from(ROWS).unwrap();
    wait::until_true("every session", || server.sessions().len() == rows);
    wait_until_settled(&place);
    let wrong = server.sessions();
    assert_eq!(bodies(wrong.clone().into_values()), bodies(place.printed(&[&path]).into_iter()));
    daemon.terminate();

    set_zone(&place, "America/New_York", &server);
    let right = bodies(place.printed(&[&path]).into_iter());
    let mut daemon = place.start();
    assert_eq!(daemon.events("sessions.rederived")[0]["changed"], ROWS);
    wait::until_true("every revision", || server.puts().values().all(|count| *count == 2));
    wait_until_settled(&place);
    assert!(server.sessions().keys().eq(wrong.keys()), "the same ids");
    assert_eq!(bodies(server.sessions().into_values()), right);
    assert!(revisions(&place).values().all(|revision| *revision == 2));
    assert!(server.deletes().is_empty());

    place.drop_file("strong (1).csv", strong(ROWS));
    assert_eq!(daemon.wait_for("file.known")["sessions"], ROWS);
    place.drop_file("strong.csv", strong(ROWS));
    let again = daemon.wait_for("file.known");
    assert_eq!((&again["sessions"], again["file"].as_str()), (&json!(ROWS), path.to_str()));
    deliver_another(&place, &mut daemon);
    assert_eq!(i64::from(count_of_puts(&server)), 2 * ROWS + 1);
    assert_eq!(revisions(&place).len(), rows + 1);
}

#[test]
fn one_new_workout_in_a_whole_history_is_one_request() {
    let server = FaultServer::start("right");
    let place = place_in("Europe/Berlin", &server);
    let mut daemon = place.start();
    let workouts = 300;
    let mut puts = 0;
    type Write = fn(i64) -> String;
    let exports: [(&str, &str, Write); 3] = [
        ("strong.csv", "strong (1).csv", strong),
        ("hevy.csv", "hevy (1).csv", hevy),
        ("export.xml", "export (1).xml", apple_health),
    ];
    for (name, copy, write) in exports {
        place.drop_file(name, write(workouts));
        assert_eq!(daemon.wait_for("file.queued")["changed"], workouts, "{name}");
        puts += workouts;
        wait::until_true("every session", || i64::from(count_of_puts(&server)) == puts);
        wait_until_settled(&place);
        place.drop_file(name, write(workouts + 1));
        let grown = daemon.wait_for("file.queued");
        assert_eq!((&grown["changed"], &grown["sessions"]), (&json!(1), &json!(workouts + 1)), "{name}");
        place.drop_file(copy, write(workouts + 1));
        assert_eq!(daemon.wait_for("file.known")["sessions"], workouts + 1, "{name}");
        puts += 1;
        wait_until_settled(&place);
        assert_eq!(i64::from(count_of_puts(&server)), puts, "{name}");
    }
    deliver_another(&place, &mut daemon);
    assert_eq!(i64::from(count_of_puts(&server)), puts + 1);
    assert_eq!(i64::try_from(server.sessions().len()).unwrap(), puts + 1);
    assert!(server.deletes().is_empty());
}
