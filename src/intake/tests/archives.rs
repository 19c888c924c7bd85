//! Archives: what their members tell of the same workouts, and what became of them.

use super::*;

fn member(name: &str, workout: Workout) -> Workout {
    let mut workout = workout;
    workout.source.member = Some(name.to_owned());
    workout
}

fn key(vendor: &str, id: &str) -> Option<Key> {
    Some(Key { vendor: vendor.to_owned(), id: id.to_owned() })
}

/// The table of an export and the files that it names: one session for both, whichever comes first.
#[test]
fn a_row_and_its_file_are_one_workout() {
    let row = |id: &str, start: &str, title: &str| {
        let mut row = member("activities.csv", Workout { key: key("strava", id), ..run(Format::Strava, start, 59) });
        row.source.title = Some(title.to_owned());
        row
    };
    let file = |id: &str, start: &str| {
        let name = format!("activities/{id}.fit.gz");
        member(&name, Workout { key: key("fit-1-2", id), alias: key("strava", id), ..run(Format::Fit, start, 60) })
    };
    let mut workouts = vec![
        row("1", "2026-04-12T06:40:00Z", "Round the lake"),
        file("1", "2026-04-12T06:30:15Z"),
        file("2", "2026-04-13T06:30:15Z"),
        row("2", "2026-04-13T06:30:15Z", "And again"),
    ];
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let bench = Bench::new();
        let receipt = bench.take("/w/export.zip", &workouts);
        assert_eq!(receipt.changed.len(), 2);
        let again = bench.take("/w/export.zip", &workouts);
        assert_eq!((again.verdict, again.sessions), (Verdict::Known, receipt.sessions.clone()));
        let newer = bench.take("/w/export (2).zip", &workouts);
        assert_eq!((newer.verdict, newer.sessions), (Verdict::Known, receipt.sessions));
        outcomes.push(bench.bodies());
        workouts.reverse();
    }
    assert_eq!(outcomes[0], outcomes[1]);
    let said: Vec<_> = outcomes[0].iter().map(|body| (&body["name"], &body["startTimeMillis"])).collect();
    assert_eq!(said[0], (&"Round the lake".into(), &"1775975415000".into()));
    assert_eq!(said[1].0, "And again");
}

#[test]
fn legs_stay_apart_within_a_member_and_meet_across_members() {
    let bench = Bench::new();
    let leg = |name: &str, minutes| member(name, run(Format::Fit, "2026-04-12T06:30:15Z", minutes));
    let receipt = bench.take("/w/a.zip", &[leg("a.fit", 60), leg("a.fit", 61), leg("b.fit", 59)]);
    assert_eq!(receipt.sessions.len(), 3);
    assert_eq!(receipt.changed.len(), 2);
    assert_ne!(receipt.sessions[0], receipt.sessions[1]);
    assert_eq!(receipt.sessions[0], receipt.sessions[2]);
}

#[test]
fn members_that_are_not_fine_are_remembered() {
    let bench = Bench::new();
    let of = |name: &str, verdict| Member { name: name.to_owned(), format: None, verdict, reason: Some("why".into()) };
    let members = vec![of("a.fit", Verdict::Known), of("b.fit", Verdict::Rejected), of("c.txt", Verdict::Ignored)];
    let workout = member("a.fit", run(Format::Fit, "2026-04-12T06:30:15Z", 60));
    let told = |members: Vec<Member>| {
        bench.take_archive("/w/a.zip", std::slice::from_ref(&workout), members);
        bench.ask(|c| store::members::of_file(c, 1))
    };
    assert_eq!(told(members.clone()), members[1..]);
    assert_eq!(told(vec![members[0].clone(); 2]), []);
    let many: Vec<Member> = (0..1000).map(|index| of(&format!("{index}.fit"), Verdict::Rejected)).collect();
    assert_eq!(told(many).len(), store::members::MOST_MEMBERS);
}
