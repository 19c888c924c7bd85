//! The watcher with hints that are sent by hand.

use super::*;

const RULES: Rules = Rules {
    settle: Duration::from_millis(100),
    salvage_after: Duration::from_secs(600),
    scan_every: Duration::from_secs(60),
};

/// Shorter than the time between scans, and longer than anything else takes.
const SOON: Duration = Duration::from_secs(30);

fn watcher(dir: &Path) -> (Watcher, HintSender) {
    let mut watcher = Watcher::new(vec![Folder { owner: 0, path: dir.to_path_buf() }], RULES, Hints::deaf());
    assert!(matches!(watcher.next(&mut |_, _, _| false), Next::Listening { result: Err(_), .. }));
    let sender = watcher.sender();
    (watcher, sender)
}

fn read(watcher: &mut Watcher) -> Candidate {
    loop {
        if let Next::Read(candidate) = watcher.next(&mut |_, _, _| false) {
            return candidate;
        }
    }
}

fn wait_for_scan(watcher: &mut Watcher) {
    while !matches!(watcher.next(&mut |_, _, _| false), Next::Scanned { .. }) {}
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
