//! Root in a state directory of somebody else: links that lie there lead it nowhere.

use crate::daemon::nobody::{NOBODY, Nobody, chmod};
use crate::support::foreign;
use crate::support::program::Place;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

/// A state directory of a service with a user of its own, if we can be another one.
fn installed() -> Option<Place> {
    let place = Place::new();
    fs::create_dir_all(place.state().join("server")).unwrap();
    chmod(&place.state(), 0o700);
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let service = Nobody::of(&place, &[&place.state(), &place.state().join("server")]);
    foreign::given(service.is_another(), "only root can be somebody else").then_some(place)
}

/// All that is in a directory: mode, owner and content.
fn everything(dir: &Path) -> BTreeMap<String, (u32, u32, Option<Vec<u8>>)> {
    let entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let seen = |entry: walkdir::DirEntry| {
        let it = entry.metadata().unwrap();
        (entry.path().display().to_string(), (it.mode(), it.uid(), fs::read(entry.path()).ok()))
    };
    entries.map(seen).collect()
}

/// Has root work where `name` is a link to `target` in a directory of root's own.
fn assert_not_followed(name: &str, target: &str) {
    let Some(place) = installed() else { return };
    let rooted = place.dir.path().join("rooted");
    fs::create_dir_all(rooted.join("etc")).unwrap();
    let token = "0123456789abcdef".repeat(4);
    fs::write(rooted.join("victim"), &token).unwrap();
    chmod(&rooted.join("victim"), 0o644);
    let before = everything(&rooted);
    let link = place.state().join(name);
    let _ = fs::remove_dir(&link);
    symlink(rooted.join(target), &link).unwrap();
    lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
    let output = place.run(&["reconcile"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(&format!("{} is a link", link.display())), "{said}");
    assert!(said.contains("sudo -u"), "{said}");
    assert!(everything(&rooted) == before, "{:?}", everything(&rooted));
    fs::remove_file(&link).unwrap();
    let output = place.run(&["reconcile"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_lock_that_is_a_link_is_not_written_to() {
    assert_not_followed("lock", "victim");
}

#[test]
fn a_lock_of_the_server_that_is_a_link_is_not_written_to() {
    assert_not_followed("server/lock", "victim");
}

#[test]
fn a_memory_that_is_a_link_is_not_made_elsewhere() {
    assert_not_followed("outbox.db", "planted");
}

#[test]
fn sessions_that_are_a_link_are_not_made_elsewhere() {
    assert_not_followed("server/sessions.db", "planted");
}

#[test]
fn a_token_that_is_a_link_keeps_its_mode() {
    assert_not_followed("server-token", "victim");
}

#[test]
fn a_server_that_is_a_link_is_not_entered() {
    assert_not_followed("server", "etc");
}

/// Whoever has it so wants it so: it is not in the state directory that the link lies.
#[test]
fn a_state_directory_may_be_reached_by_a_link() {
    let Some(place) = installed() else { return };
    let real = place.dir.path().join("real");
    fs::rename(place.state(), &real).unwrap();
    symlink(&real, place.state()).unwrap();
    for _ in 0..2 {
        let output = place.run(&["reconcile"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert!(real.join("server/sessions.db").exists());
    assert!(everything(&real).values().all(|(_, user, _)| *user == NOBODY), "{:?}", everything(&real));
}
