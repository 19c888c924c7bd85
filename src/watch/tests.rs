//! The watcher with hints that are sent by hand.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

const RULES: Rules = Rules {
    settle: Duration::from_millis(100),
    salvage_after: Duration::from_secs(600),
    scan_every: Duration::from_secs(60),
    poll_every: Duration::from_secs(60),
};

/// Shorter than the time between scans, and longer than anything else takes.
const SOON: Duration = Duration::from_secs(30);

fn watcher(dir: &Path) -> (Watcher, HintSender) {
    watcher_with(RULES, dir)
}

fn watcher_with(rules: Rules, dir: &Path) -> (Watcher, HintSender) {
    let folder = Folder { path: dir.to_path_buf(), ..Folder::default() };
    let mut watcher = Watcher::new(folder, rules, Hints::deaf(), Pulse::default());
    assert!(matches!(watcher.next(&mut |_, _, _| Known::No), Next::Watching { mode: Mode::Polling(Why::Deaf(_)), .. }));
    let sender = watcher.sender();
    (watcher, sender)
}

fn read(watcher: &mut Watcher) -> Candidate {
    loop {
        if let Next::Read(candidate) = watcher.next(&mut |_, _, _| Known::No) {
            return candidate;
        }
    }
}

fn wait_for_scan(watcher: &mut Watcher) {
    while !matches!(watcher.next(&mut |_, _, _| Known::No), Next::Scanned { .. }) {}
}

/// The system tells of a new folder before anybody can listen to it.
#[test]
fn a_new_folder_is_scanned_once_more() {
    let place = tempfile::tempdir().unwrap();
    let (mut watcher, sender) = watcher(place.path());
    wait_for_scan(&mut watcher);
    let began = Instant::now();
    let made = place.path().join("made");
    std::fs::create_dir(&made).unwrap();
    sender.send(Hint::Closed(made.clone()));
    wait_for_scan(&mut watcher);
    std::fs::write(made.join("a.fit"), "unheard").unwrap();
    assert_eq!(read(&mut watcher).path, made.join("a.fit"));
    assert!(began.elapsed() < SOON, "only the next scan found it");
}

#[test]
fn a_file_that_failed_is_read_again_at_its_next_event() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fit");
    std::fs::write(&path, "closed").unwrap();
    let (mut watcher, sender) = watcher(place.path());
    let began = Instant::now();
    let mut candidate = read(&mut watcher);
    assert_eq!((&candidate.path, candidate.failed), (&path, None));
    // The pauses are 10, 20 and 40 seconds.
    for _ in 0..3 {
        watcher.report(&candidate, Finding::Failed(io::ErrorKind::PermissionDenied));
        sender.send(Hint::Written(path.clone()));
        candidate = read(&mut watcher);
        assert_eq!(candidate.failed, Some(io::ErrorKind::PermissionDenied));
    }
    assert!(began.elapsed() < SOON, "it waited for its time");
    watcher.report(&candidate, Finding::Settled);
    sender.send(Hint::Closed(path));
    assert_eq!(read(&mut watcher).failed, None);
}

/// A share tells nothing, and the file is not forgotten until it is salvaged.
#[test]
fn a_file_that_goes_on_growing_unheard_is_noticed_by_a_scan() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fit");
    std::fs::write(&path, "half").unwrap();
    let (mut watcher, _sender) = watcher_with(Rules { poll_every: Duration::from_millis(200), ..RULES }, place.path());
    let began = Instant::now();
    let half = read(&mut watcher);
    watcher.report(&half, Finding::Unfinished);
    std::fs::write(&path, "half and whole").unwrap();
    let whole = read(&mut watcher);
    assert_eq!((&whole.path, whole.stamp.size, whole.rest), (&path, 14, Rest::None));
    assert!(began.elapsed() < SOON, "only the last call found it");
}

/// The times of files are coarse, and can be set: who writes twice within one tick leaves no other trace than the event.
#[test]
fn what_was_written_is_read_although_nothing_else_tells() {
    let place = tempfile::tempdir().unwrap();
    let [touched, written] = ["touched.fit", "written.fit"].map(|name| place.path().join(name));
    for path in [&touched, &written] {
        std::fs::write(path, "settled").unwrap();
    }
    let (mut watcher, sender) = watcher(place.path());
    sender.send(Hint::Touched(touched.clone()));
    sender.send(Hint::Closed(touched));
    sender.send(Hint::Written(written.clone()));
    let read = loop {
        if let Next::Read(candidate) = watcher.next(&mut |_, _, _| Known::Settled) {
            break candidate;
        }
    };
    assert_eq!(read.path, written);
}

/// The clock of its share may be behind, or that of this machine have been set since.
#[test]
fn a_file_that_came_before_our_eyes_is_not_old() {
    let place = tempfile::tempdir().unwrap();
    let (mut watcher, sender) = watcher_with(Rules { poll_every: Duration::from_millis(200), ..RULES }, place.path());
    std::fs::write(place.path().join("old.fit"), "half").unwrap();
    assert_eq!(read(&mut watcher).age_at_most, None, "nobody has looked here before");
    wait_for_scan(&mut watcher);
    let began = Instant::now();
    std::fs::write(place.path().join("found.fit"), "half").unwrap();
    let found = read(&mut watcher);
    let since_scan = began.elapsed() + SOON;
    assert!(found.age_at_most.is_some_and(|age| age < since_scan), "{found:?}");
    sender.send(Hint::Closed(found.path.clone()));
    let told = read(&mut watcher);
    assert!(told.age_at_most.is_some_and(|age| age <= began.elapsed()), "{told:?}");
}

/// Of two that exchange their names, the new one is told of before the old one.
#[test]
fn what_is_said_to_be_gone_and_is_there_is_read() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fit");
    let (mut watcher, sender) = watcher(place.path());
    wait_for_scan(&mut watcher);
    std::fs::write(&path, "exchanged").unwrap();
    sender.send(Hint::Closed(path.clone()));
    sender.send(Hint::Gone(path.clone()));
    assert_eq!(read(&mut watcher).path, path);
}

#[test]
fn whoever_writes_all_the_time_does_not_keep_others_from_being_read() {
    let place = tempfile::tempdir().unwrap();
    let [busy, waiting] = ["busy.csv", "waiting.fit"].map(|name| place.path().join(name));
    for path in [&busy, &waiting] {
        std::fs::write(path, "closed").unwrap();
    }
    let (mut watcher, sender) = watcher(place.path());
    let (is_over, began) = (AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        let write = move || sender.send(Hint::Written(busy.clone()));
        (0..5000).for_each(|_| write());
        let is_over = &is_over;
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) && began.elapsed() < SOON {
                write();
            }
        });
        while read(&mut watcher).path != waiting {}
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(began.elapsed() < SOON, "not before there was nothing to hear");
}

#[test]
fn events_inside_one_folder_are_answered_by_few_scans() {
    let place = tempfile::tempdir().unwrap();
    let inside = place.path().join("inside");
    std::fs::create_dir_all(inside.join("deeper")).unwrap();
    let (mut watcher, _sender) = watcher(place.path());
    for _ in 0..100 {
        watcher.take(Hint::Touched(inside.clone()));
        watcher.take(Hint::Touched(inside.join("deeper")));
    }
    // The one that is under way, which may have passed them already, and one more.
    assert_eq!(watcher.scans.len(), 2);
}

#[test]
fn a_file_is_as_old_as_the_latest_of_its_times() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(age(file.path()) < SOON, "it was given its time just now");
    file.as_file().set_modified(SystemTime::now() + 10 * SOON).unwrap();
    assert_eq!(age(file.path()), Duration::ZERO);
}

/// A watcher that hears what happens, of a folder that was looked through when there was nothing in it.
fn hearing_watcher(rules: Rules, dir: &Path) -> Watcher {
    let folder = Folder { path: dir.to_path_buf(), watching: Watching::Events, ..Folder::default() };
    let mut watcher = Watcher::new(folder, rules, Hints::open(), Pulse::default());
    assert!(matches!(watcher.next(&mut |_, _, _| Known::No), Next::Watching { mode: Mode::Events, .. }));
    wait_for_scan(&mut watcher);
    watcher
}

/// A folder is told of once, and a scan of everything may find its files before its own does.
#[test]
fn nothing_is_missed_in_a_folder_that_is_told_of() {
    let places = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [tree, made] = [places[1].path().join("tree"), places[0].path().join("tree")];
    std::fs::create_dir_all(tree.join("deep")).unwrap();
    for name in ["a.fit", "b.fit", "deep/c.fit"] {
        std::fs::write(tree.join(name), name).unwrap();
    }
    let mut watcher = hearing_watcher(RULES, places[0].path());
    std::fs::rename(&tree, &made).unwrap();
    let first = read(&mut watcher);
    assert!(first.path.starts_with(&made));
    watcher.report(&first, Finding::Settled);
    watcher.scan_root();
    for _ in 0..2 {
        let next =
            watcher.scan_on(&mut |path, _, _| if *path == first.path { Known::Settled } else { Known::No }).unwrap();
        watcher.report(&next, Finding::Settled);
    }
    assert_eq!(watcher.unheard.next_due(), None);
    // Of another one nobody has told.
    std::fs::write(places[0].path().join("d.fit"), "d").unwrap();
    watcher.scan_root();
    while watcher.scan_on(&mut |path, _, _| if path.starts_with(&made) { Known::Settled } else { Known::No }).is_none()
    {
    }
    assert!(watcher.unheard.next_due().is_some());
}

/// Each file takes its disk longer than a scan works at a time.
#[test]
fn only_a_scan_that_nobody_waits_for_rests() {
    const FILES: u32 = 5;
    let work = Duration::from_millis(60);
    let place = tempfile::tempdir().unwrap();
    let mut slow = |_: &Path, _, _| {
        std::thread::sleep(work);
        Known::Settled
    };
    let mut watcher = hearing_watcher(Rules { scan_every: Duration::from_secs(1), ..RULES }, place.path());
    for number in 0..FILES {
        std::fs::write(place.path().join(number.to_string()), "known").unwrap();
    }
    let (mut began, start) = (Instant::now(), Instant::now());
    loop {
        if let Next::Scanned { took, .. } = watcher.next(&mut slow) {
            // Until then events have something to say of some.
            if took >= work * FILES {
                assert!(began.elapsed() >= took + work * FILES, "{took:?} of {:?}", began.elapsed());
                break;
            }
            began = Instant::now();
        }
        assert!(start.elapsed() < SOON, "no scan has looked at all of them");
    }
    watcher.scan_in_time();
    watcher.scan_again(1);
    while watcher.is_scanned() {
        assert!(
            watcher.scan_on(&mut slow).is_none() && watcher.next_work().is_none(),
            "somebody waits for the next one"
        );
    }
    let (mut polled, _sender) = self::watcher(place.path());
    assert!(polled.scans[0].pace.is_none(), "it is the first one");
    wait_for_scan(&mut polled);
    polled.scan_in_time();
    assert!(polled.scans[0].pace.is_none(), "events tell nothing");
}

/// A scan takes longer than the time until the next one.
#[test]
fn nobody_is_busy_while_a_scan_rests() {
    let scan_every = Duration::from_secs(1);
    let place = tempfile::tempdir().unwrap();
    let mut watcher = hearing_watcher(Rules { scan_every, ..RULES }, place.path());
    std::fs::write(place.path().join("a.fit"), "known").unwrap();
    watcher.scan_in_time();
    let mut slow = |_: &Path, _, _| {
        std::thread::sleep(scan_every);
        Known::Settled
    };
    assert_eq!(watcher.scan_on(&mut slow), None);
    let work = watcher.next_work().expect("it rests");
    watcher.on_time();
    let pause = watcher.pause();
    assert!(watcher.now() + pause >= work, "it would wake after {pause:?}");
}

/// Only a scan of the whole folder is content with what was known when it began.
#[test]
fn no_event_is_answered_from_what_was_known_before() {
    let place = tempfile::tempdir().unwrap();
    let [scanned, closed, inside] = ["a.fit", "b.fit", "made/c.fit"].map(|name| place.path().join(name));
    std::fs::create_dir(place.path().join("made")).unwrap();
    for path in [&scanned, &closed, &inside] {
        std::fs::write(path, "settled").unwrap();
    }
    let (mut watcher, sender) = watcher(place.path());
    sender.send(Hint::Closed(closed.clone()));
    sender.send(Hint::Closed(place.path().join("made")));
    let (mut asked, mut ends) = (Vec::new(), 0);
    while ends < 2 {
        let next = watcher.next(&mut |path, _, scan| {
            asked.push((path.to_path_buf(), scan.is_some()));
            Known::Settled
        });
        ends += u32::from(matches!(next, Next::Scanned { .. }));
    }
    assert_eq!(asked[0], (closed, false), "the event comes first");
    let of = |path: &Path| asked.iter().filter(|(of, _)| of == path).map(|(_, is_whole)| *is_whole).collect::<Vec<_>>();
    assert_eq!((of(&scanned), of(&inside)), (vec![true], vec![true, false]));
}

/// It is listened to while the memory is opened, and may be another when it is watched.
#[test]
fn a_folder_is_heard_that_was_replaced_since_it_is_listened_to() {
    for is_replaced in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let [path, old] = ["folder", "old"].map(|name| place.path().join(name));
        std::fs::create_dir(&path).unwrap();
        let mut hints = Hints::open();
        hints.listen_ahead(&path);
        if is_replaced {
            std::fs::rename(&path, &old).unwrap();
            std::fs::create_dir(&path).unwrap();
        }
        let began = Instant::now();
        let folder = Folder { path: path.clone(), watching: Watching::Events, ..Folder::default() };
        let mut watcher = Watcher::new(folder, RULES, hints, Pulse::default());
        wait_for_scan(&mut watcher);
        std::fs::write(path.join("a.fit"), "here").unwrap();
        assert_eq!(read(&mut watcher).path, path.join("a.fit"));
        assert!(began.elapsed() < SOON, "only the next scan found it");
    }
}
