//! Commands of an administrator beside a service with a user of its own: what they make belongs to that user, and who is
//! refused hears whom to ask.

use crate::daemon::nobody::{NOBODY, Nobody, chmod, own};
use crate::support::fit::Run;
use crate::support::foreign;
use crate::support::program::{Daemon, Place};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A fresh installation, whose service is somebody else than we are.
fn installed() -> Option<(Place, Nobody)> {
    let place = Place::new();
    fs::create_dir(place.state()).unwrap();
    chmod(&place.state(), 0o700);
    let service = Nobody::of(&place, &[&place.state()]);
    foreign::given(service.is_another(), "only root can be somebody else").then_some((place, service))
}

/// What is in the state directory, with whom it belongs to.
fn owners(place: &Place) -> Vec<(PathBuf, u32, u32)> {
    let entries = walkdir::WalkDir::new(place.state()).into_iter().map(Result::unwrap);
    entries
        .map(|entry| (entry.metadata().unwrap(), entry))
        .map(|(it, entry)| (entry.into_path(), it.uid(), it.gid()))
        .collect()
}

fn assert_given(place: &Place, what: &str) {
    let owners = owners(place);
    let kept: Vec<_> = owners.iter().filter(|(_, user, group)| (*user, *group) != (NOBODY, NOBODY)).collect();
    assert!(kept.is_empty(), "{what}: {kept:?}");
}

/// The name that `chown` and the messages have for a user.
fn name(user: u32) -> String {
    let output = Command::new("id").arg("-un").arg(user.to_string()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_state_directory() {
    for (arguments, made) in [
        (&["import", "workouts/a.fit"][..], "outbox.db"),
        (&["rescan", "workouts"], "outbox.db"),
        (&["reconcile"], "server/sessions.db"),
        (&["serve", "token", "add", "anna"], "server/sessions.db"),
    ] {
        let Some((place, service)) = installed() else { return };
        fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
        place.drop_file("a.fit", Run::default().build());
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert!(place.state().join(made).exists(), "{arguments:?}: {:?}", owners(&place));
        assert_given(&place, &format!("{arguments:?}"));
        let mut daemon = Daemon::spawn(&mut service.run(&place));
        daemon.wait_for("daemon.ready");
        daemon.wait_for_sessions(&place, 1);
        // As it runs, too.
        assert!(place.run(&["outbox", "retry", "--all"]).status.success());
        assert!(place.run(&["status"]).status.success());
        assert_given(&place, &format!("{arguments:?}, and a daemon"));
        daemon.terminate();
        let output = place.run(&["outbox", "retry", "--all"]);
        assert!(output.status.success(), "{output:?}");
        assert_given(&place, "outbox retry");
    }
}

/// Also what is there only while it runs, and what is made above.
#[test]
fn a_daemon_of_root_leaves_nothing_of_its_own() {
    let Some((place, service)) = installed() else { return };
    fs::remove_dir(place.state()).unwrap();
    place.drop_file("a.fit", Run::default().build());
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    let made: Vec<_> = owners(&place).into_iter().map(|(path, ..)| path).collect();
    for name in
        ["", "control.sock", "outbox.db-wal", "outbox.db-shm", "run", "lock", "server/lock", "server/sessions.db-wal"]
    {
        assert!(made.contains(&place.state().join(name)) || name.is_empty(), "{name}: {made:?}");
    }
    assert_given(&place, "a daemon of root");
    daemon.kill();
    assert_given(&place, "a daemon of root that was killed");
    Daemon::spawn(&mut service.run(&place)).wait_for("daemon.ready");
}

/// Whoever made it: an older version, a restored backup, a copy.
#[test]
fn a_file_of_somebody_else_is_named_with_what_mends_it() {
    for file in ["outbox.db", "lock", "server-token", "server", "server/sessions.db", "server/lock"] {
        let Some((place, service)) = installed() else { return };
        let mut daemon = Daemon::spawn(&mut service.run(&place));
        daemon.wait_for("daemon.ready");
        daemon.terminate();
        let path = place.state().join(file);
        own(&path, 0, if path.is_dir() { 0o700 } else { 0o600 });
        let output = service.run(&place).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
        let (path, state, user) = (path.display(), place.state(), name(NOBODY));
        let (belongs, mend) = (format!("{path} belongs to root"), format!("sudo chown -R {user}: {}", state.display()));
        assert!(said.contains(&belongs) && said.contains(&mend), "{file}: {said}");
        assert!(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(&state).status().unwrap().success());
        Daemon::spawn(&mut service.run(&place)).wait_for("daemon.ready");
    }
}

/// What does not hinder the service does not keep it from starting.
#[test]
fn other_files_of_root_are_no_matter() {
    let Some((place, service)) = installed() else { return };
    for name in ["backup.tar", "outbox.db.damaged-20261124T232300Z", "pull-me.agreed"] {
        fs::write(place.state().join(name), "").unwrap();
        chmod(&place.state().join(name), 0o600);
    }
    Daemon::spawn(&mut service.run(&place)).wait_for("daemon.ready");
}

/// Nobody is told to delete or open up what belongs to the service.
#[test]
fn somebody_without_sudo_is_sent_to_the_owner() {
    let Some((place, somebody)) = installed() else { return };
    place.start().terminate();
    for (path, owner) in owners(&place).into_iter().map(|(path, ..)| (path, 0)) {
        std::os::unix::fs::chown(path, Some(owner), Some(owner)).unwrap();
    }
    chmod(&place.state(), 0o755);
    for arguments in [&["import", "workouts"][..], &["serve", "token", "add", "anna"], &["outbox", "retry", "--all"]] {
        let output = somebody.command(&place).args(arguments).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("belongs to root") && said.contains("use sudo, or run it as root"),
            "{arguments:?}: {said}"
        );
    }
}
