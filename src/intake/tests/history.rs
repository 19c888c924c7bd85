//! Exports that hold the whole history, dropped again and again.

use super::*;

/// Rows of a table of sets: local time without a zone, and keys of what is printed.
pub fn rows(count: i64, zone: &str) -> Vec<Workout> {
    let local = TimeZone::get(zone).unwrap();
    let first: jiff::civil::DateTime = "2019-03-01T17:30:00".parse().unwrap();
    let row = |index: i64| {
        let clock = first.checked_add(jiff::Span::new().days(index).minutes(index * 7 % 300)).unwrap();
        let start = local.to_ambiguous_zoned(clock).compatible().unwrap().timestamp();
        let title = format!("Day {}", index % 3);
        let mut workout = Workout::new(Format::Strong, start, start + SignedDuration::from_mins(40 + index % 30));
        workout.key = Some(Key { vendor: "strong".to_owned(), id: format!("{clock} {title}") });
        workout.activity_type = ActivityType::new(80).unwrap();
        workout.source.title = Some(title);
        workout.source.assumed_zone = Some(zone.to_owned());
        workout
    };
    (0..count).map(row).collect()
}

fn writes(bench: &Bench) -> i64 {
    bench.ask(|c| c.query_row("SELECT total_changes()", [], |row| row.get(0)))
}

#[test]
fn what_is_known_costs_a_lookup_and_writes_nothing() {
    let bench = Bench::new();
    let mut history = rows(2000, "UTC");
    assert_eq!(bench.take("/w/strong.csv", &history).changed.len(), 2000);
    let before = writes(&bench);
    let again = bench.take("/w/strong.csv", &history);
    assert_eq!((again.verdict, again.sessions.len(), again.changed.len()), (Verdict::Known, 2000, 0));
    assert_eq!(writes(&bench) - before, 1, "only the row of the file");

    history.push(rows(2001, "UTC").remove(2000));
    let before = writes(&bench);
    let grown = bench.take("/w/strong.csv", &history);
    assert_eq!((grown.verdict, grown.sessions.len(), grown.changed.len()), (Verdict::Queued, 2001, 1));
    assert!(writes(&bench) - before < 10);

    let elsewhere = bench.take("/w/strong (1).csv", &history);
    assert_eq!((elsewhere.verdict, elsewhere.sessions), (Verdict::Known, grown.sessions));
}

#[test]
fn an_edit_in_the_source_is_a_new_revision_wherever_it_is_dropped() {
    let bench = Bench::new();
    let history = rows(30, "UTC");
    let first = bench.take("/w/2026-01.csv", &history);
    bench.deliver();
    let mut edited = history.clone();
    edited[3].source.title = Some("Leg day".to_owned());
    edited[3].key = Some(Key { vendor: "strong".to_owned(), id: "another title".to_owned() });
    edited[7].activity_type = ActivityType::new(97).unwrap();
    edited[9].end += SignedDuration::from_mins(5);
    for path in ["/w/2026-02.csv", "/w/2026-01.csv"] {
        let again = bench.take(path, &edited);
        assert_eq!(again.sessions, first.sessions, "{path}");
    }
    let expected = [3, 7, 9].map(|index| {
        let start = history[index].start.strftime("%Y%m%dT%H%M%SZ");
        format!("fitferry-{start}@")
    });
    let queued = bench.queued();
    assert_eq!(queued.len(), 3, "{queued:?}");
    assert!(queued.iter().zip(&expected).all(|(queued, expected)| queued.starts_with(expected)), "{queued:?}");
    let count: i64 = bench.ask(|c| c.query_row("SELECT count(*) FROM session", [], |row| row.get(0)));
    assert_eq!(count, 30);
}

/// As people have it who keep the export of each month.
#[test]
fn an_older_export_that_stays_holds_no_edit_back() {
    let called = |title: &str| {
        let mut history = rows(3, "UTC");
        let printed = history[1].start.to_string();
        history[1].source.title = Some(title.to_owned());
        history[1].key = Some(Key { vendor: "strong".to_owned(), id: format!("{printed} {title}") });
        history
    };
    let take = |bench: &Bench, path: &str, history: &[Workout], mtime_ns| {
        let seen = Seen { stamp: Stamp { size: 1, mtime_ns, inode: 3, ctime_ns: 0 }, ..seen(path, history) };
        bench.take_all(vec![seen]).remove(0).changed.len()
    };
    let name = |bench: &Bench| bench.bodies()[1]["name"].as_str().unwrap().to_owned();
    for (old, new) in [("Arms", "Legs"), ("Legs", "Arms")] {
        let bench = Bench::new();
        take(&bench, "/w/2026-01.csv", &called(old), 10);
        assert_eq!(take(&bench, "/w/2026-02.csv", &called(new), 20), 1);
        assert_eq!(name(&bench), new);
        assert_eq!(take(&bench, "/w/2026-01.csv", &called(old), 30), 0, "it said that before");
        assert_eq!(name(&bench), new);
        assert_eq!(take(&bench, "/w/2026-03.csv", &called(old), 40), 1, "the edit was taken back");
        assert_eq!(name(&bench), old);
        assert_eq!(take(&bench, "/w/2026-04.csv", &called(old), 50), 0);

        let other_way = Bench::new();
        take(&other_way, "/w/2026-02.csv", &called(new), 20);
        assert_eq!(take(&other_way, "/w/2026-01.csv", &called(old), 10), 0);
        assert_eq!(name(&other_way), new);
    }
}

#[test]
fn a_corrected_zone_revises_the_same_sessions() {
    let mut bench = Bench::new();
    let first = bench.take("/w/strong.csv", &rows(1834, "UTC"));
    assert_eq!(first.changed.len(), 1834);
    bench.deliver();
    let ids = |bench: &Bench| -> Vec<(String, i64)> {
        bench.ask(|c| {
            let mut query = c.prepare("SELECT session_id, revision FROM session ORDER BY id")?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    };
    let before = ids(&bench);
    let berlin = Rules::of(TimeZone::get("Europe/Berlin").unwrap());
    assert_eq!(bench.restart(berlin.clone()), 1834);
    assert_eq!(bench.queued().len(), 100, "as many as are fetched");
    let revised: Vec<_> = before.into_iter().map(|(id, revision)| (id, revision + 1)).collect();
    assert_eq!(ids(&bench), revised, "each has one more revision under the same id");
    bench.deliver();

    let as_read = rows(1834, "Europe/Berlin");
    let again = bench.take("/w/strong.csv", &as_read);
    assert_eq!((again.verdict, again.changed.len()), (Verdict::Known, 0), "reading and correcting agree");
    let elsewhere = bench.take("/w/strong-2.csv", &as_read);
    assert_eq!((elsewhere.verdict, elsewhere.sessions), (Verdict::Known, first.sessions));
    assert!(bench.queued().is_empty());
    let fresh = Bench::with(berlin.clone());
    fresh.take("/w/strong.csv", &as_read);
    assert_eq!(bench.bodies(), fresh.bodies());
    assert_eq!(bench.restart(berlin), 0, "a start without a change is no work");
}

#[test]
fn a_slip_of_the_zone_is_noted_and_kept_apart() {
    let bench = Bench::new();
    bench.take("/w/a.fit", &[run(Format::Fit, "2026-04-12T06:30:15Z", 60)]);
    let slipped = run(Format::Gpx, "2026-04-12T08:30:15Z", 60);
    let receipt = bench.take("/w/a.gpx", std::slice::from_ref(&slipped));
    assert_eq!(receipt.changed.len(), 1, "it is a session of its own");
    bench.take("/w/b.gpx", &[slipped, run(Format::Gpx, "2026-04-12T11:30:15Z", 30)]);
    let connection = bench.store.reader().unwrap();
    let mut suspects = Vec::new();
    let each = |session: store::listing::SessionStatus| {
        suspects.push(session.suspect);
        Ok(true)
    };
    store::listing::sessions(&connection, None, each).unwrap();
    let said = "looks like fitferry-20260412T063015Z, 2 h later; was a time zone wrong?";
    assert_eq!(suspects, [None, Some(said.to_owned()), None]);
    assert_eq!(store::listing::accounts(&connection).unwrap()[0].suspects, 1);
}
