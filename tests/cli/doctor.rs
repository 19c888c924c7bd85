//! `fitferry doctor`: each fault is named alone, with what helps, and nothing is written.

use crate::daemon::nobody::{Nobody, chmod, own};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::{Place, lines};
use crate::support::{foreign, mounts, small_disk};
use crate::sync::tls::Authority;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// A place that is all well, and what goes wrong there.
pub struct Bench {
    pub place: Place,
    api: FaultServer,
    /// What has to be kept until the doctor has looked.
    kept: Vec<TcpListener>,
}

/// What goes wrong, and how the doctor is called then; nothing where this machine cannot have it so.
type Spoil = fn(&mut Bench) -> Option<Command>;

struct Case {
    name: &'static str,
    spoil: Spoil,
    check: &'static str,
    found: &'static str,
    fix: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "a key that does not exist",
        spoil: |bench| bench.append("delivery.concurency = 4\n"),
        check: "configuration",
        found: "did you mean `delivery.concurrency`",
        fix: "config example",
    },
    Case {
        name: "a folder that is not there",
        spoil: |bench| {
            fs::remove_dir_all(bench.place.folder()).unwrap();
            bench.here()
        },
        check: "folder",
        found: "is not there",
        fix: "mount its disk",
    },
    Case {
        name: "a folder that is a file",
        spoil: |bench| {
            fs::remove_dir_all(bench.place.folder()).unwrap();
            fs::write(bench.place.folder(), "").unwrap();
            bench.here()
        },
        check: "folder",
        found: "is no folder",
        fix: "correct it",
    },
    Case {
        name: "a folder without its sentinel",
        spoil: |bench| bench.rewrite("folders = ['", "folders = [{sentinel = '.here', path = '", "']", "'}]"),
        check: "folder",
        found: "has no .here",
        fix: "mount its disk",
    },
    Case {
        name: "a folder that may not be read",
        spoil: |bench| bench.as_nobody(|place| chmod(&place.folder(), 0o300)),
        check: "folder",
        found: "cannot read it: Permission denied",
        fix: "SupplementaryGroups",
    },
    Case {
        name: "a folder inside that may not be read",
        spoil: |bench| {
            fs::create_dir(bench.place.folder().join("closed")).unwrap();
            bench.as_nobody(|place| chmod(&place.folder().join("closed"), 0o000))
        },
        check: "folder",
        found: "workouts/closed inside of it",
        fix: "SupplementaryGroups",
    },
    Case {
        name: "a share whose server is gone",
        spoil: |bench| {
            if !foreign::can_bind() {
                return None;
            }
            // What is known of it stays so, as on many shares; only who lists it waits.
            let behind = bench.place.dir.path().join("behind");
            fs::create_dir(&behind).unwrap();
            fs::rename(bench.place.folder().join("a.fit"), behind.join("a.fit")).unwrap();
            let script = "bindfs -f -o attr_timeout=600,entry_timeout=600 \"$HOME/behind\" \"$WATCH\" & server=$!
                until grep -q \"$WATCH\" /proc/self/mounts; do kill -0 $server || exit 9; sleep 0.05; done
                test -e \"$WATCH/a.fit\" && kill -STOP $server
                \"$PROGRAM\" --config \"$CONFIG\" --state-dir \"$STATE\" doctor --json; code=$?
                kill -KILL $server; exit $code";
            mounts::command(&bench.place, script)
        },
        check: "folder",
        found: "does not answer",
        fix: "see whether the server of this share is there",
    },
    Case {
        name: "a state directory that may not be written",
        spoil: |bench| bench.as_nobody(|place| chmod(&place.state(), 0o500)),
        check: "state-directory",
        found: "cannot write to it",
        fix: "chmod u+rwX",
    },
    Case {
        name: "a state directory of somebody else",
        spoil: |bench| bench.as_nobody(|place| own(&place.state(), 0, 0o755)),
        check: "state-directory",
        found: "cannot write to it",
        fix: "use sudo, or run it as root; or, if fitferry is to run as",
    },
    Case {
        name: "a file that root left in a state directory",
        spoil: |bench| bench.as_nobody(|place| own(&place.state().join("lock"), 0, 0o600)),
        check: "state-directory",
        found: "not all that is in it can be used",
        fix: "state/lock belongs to root",
    },
    Case {
        name: "the same, as root sees it",
        spoil: |bench| {
            bench.as_nobody(|place| own(&place.state().join("outbox.db"), 0, 0o600))?;
            bench.here()
        },
        check: "state-directory",
        found: "state/outbox.db belongs to root, and the directory to",
        fix: "sudo chown -R",
    },
    Case {
        name: "a state directory that everybody may enter",
        spoil: |bench| {
            chmod(&bench.place.state(), 0o755);
            bench.here()
        },
        check: "state-directory",
        found: "everybody may look into it",
        fix: "chmod o-rwx",
    },
    Case {
        name: "a token that is missing",
        spoil: |bench| {
            fs::remove_file(bench.place.dir.path().join("token")).unwrap();
            bench.here()
        },
        check: "login",
        found: "No such file",
        fix: "put a good token into",
    },
    Case {
        name: "a token that only root may read",
        spoil: |bench| bench.as_nobody(|place| own(&place.dir.path().join("token"), 0, 0o600)),
        check: "login",
        found: "the user nobody cannot read",
        fix: "token belongs to root, and this is nobody: sudo chown nobody:",
    },
    Case {
        name: "the same, as root sees it",
        spoil: |bench| {
            bench.as_nobody(|place| own(&place.dir.path().join("token"), 0, 0o600))?;
            bench.here()
        },
        check: "login",
        found: "the user nobody cannot read",
        fix: "token belongs to root, and this is nobody: sudo chown nobody:",
    },
    Case {
        name: "a token that only root may read, in a directory of root's",
        spoil: |bench| bench.as_nobody(close_secret),
        check: "login",
        found: "the user nobody cannot read",
        fix: "token belongs to root, and this is nobody: let nobody read it, if that is whom fitferry runs as: by LoadCredential= of",
    },
    Case {
        name: "that, as root sees it",
        spoil: |bench| {
            bench.as_nobody(close_secret)?;
            bench.here()
        },
        check: "login",
        found: "the user nobody cannot read",
        fix: "token belongs to root, and this is nobody: let nobody read it, if that is whom fitferry runs as: by LoadCredential= of",
    },
    Case {
        name: "a login that only root may read",
        spoil: |bench| {
            bench.rewrite("token_file = '", "oauth.client_id = '", "", "");
            bench.as_nobody(|place| {
                fs::write(place.state().join("oauth-me.json"), "").unwrap();
                own(&place.state().join("oauth-me.json"), 0, 0o600);
            })
        },
        check: "login",
        found: "the user nobody cannot read",
        fix: "oauth-me.json belongs to root, and this is nobody: sudo chown nobody:",
    },
    Case {
        name: "a token that is refused",
        spoil: |bench| {
            bench.api.plan_lists([Fault::Answer(401, "", r#"{"error":{"message":"who is this?"}}"#)]);
            bench.here()
        },
        check: "login",
        found: "HTTP 401: who is this?",
        fix: "put a good token into",
    },
    Case {
        name: "a login that was never made",
        spoil: |bench| bench.rewrite("token_file = '", "oauth.client_id = '", "", ""),
        check: "login",
        found: "not logged in",
        fix: "fitferry auth login --account me",
    },
    Case {
        name: "a host that nobody knows",
        spoil: |bench| bench.to("https://no-such-host.invalid"),
        check: "destination",
        found: "the name no-such-host.invalid",
        fix: "name",
    },
    Case {
        name: "a server that does not run",
        spoil: |bench| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            bench.to(&format!("http://{port}"))
        },
        check: "destination",
        found: "Connection refused",
        fix: "see that the server runs",
    },
    Case {
        name: "a server that says nothing",
        spoil: |bench| {
            let silent = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = silent.local_addr().unwrap();
            bench.kept.push(silent);
            bench.to(&format!("http://{address}"))
        },
        check: "destination",
        found: "timed out",
        fix: "goes on trying",
    },
    Case {
        name: "a certificate that nobody trusts",
        spoil: |bench| {
            let (ours, others) = (Authority::new(), Authority::new());
            let roots = bench.place.dir.path().join("roots.pem");
            fs::write(&roots, &ours.1).unwrap();
            let (address, _) = others.serve("localhost", false);
            let mut command = bench.to(&format!("https://localhost:{}", address.port()))?;
            command.env("SSL_CERT_FILE", roots);
            Some(command)
        },
        check: "destination",
        found: "invalid peer certificate",
        fix: "ca-certificates",
    },
    Case {
        name: "an API that is gone",
        spoil: |bench| {
            bench.api.plan_lists([Fault::Answer(410, "", "")]);
            bench.here()
        },
        check: "destination",
        found: "HTTP 410",
        fix: "destination.url",
    },
    Case {
        name: "a damaged memory",
        spoil: |bench| bench.damage("outbox.db"),
        check: "memory",
        found: "damaged",
        fix: "sets the damaged one aside",
    },
    Case {
        name: "damaged sessions",
        spoil: |bench| {
            fs::create_dir(bench.place.state().join("server")).unwrap();
            let other = Place::new();
            other.start().terminate();
            fs::copy(other.state().join("server/sessions.db"), bench.place.state().join("server/sessions.db")).unwrap();
            bench.damage("server/sessions.db")
        },
        check: "sessions",
        found: "damaged",
        fix: "restore a backup",
    },
    Case {
        name: "a clock that went back",
        spoil: |bench| {
            let file = File::options().write(true).open(bench.place.state().join("run")).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(3 * 86_400)).unwrap();
            bench.here()
        },
        check: "clock",
        found: "the state directory was written to at",
        fix: "timedatectl",
    },
    Case {
        name: "a port that somebody else has",
        spoil: |bench| {
            let other = FaultServer::start("any");
            fs::write(bench.place.config(), "").unwrap();
            fs::create_dir_all(bench.place.dir.path().join("workouts")).unwrap();
            bench.append(&format!("server.listen = '{}'\n", other.address))
        },
        check: "destination",
        found: "another program listens on 127.0.0.1",
        fix: "server.listen",
    },
    Case {
        name: "a disk that is nearly full",
        spoil: |bench| {
            let script = "head -c 39M /dev/zero > \"$STATE/ballast\"; exec \"$PROGRAM\" --config \"$CONFIG\" --state-dir \"$STATE\" doctor --json";
            fs::remove_dir_all(bench.place.state()).unwrap();
            small_disk::command(&bench.place, 40, &format!("chmod 700 \"$STATE\"\n{script}"))
        },
        check: "disk",
        found: "below 4194KB new files wait",
        fix: "make room",
    },
    Case {
        name: "no events left",
        spoil: |bench| {
            let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$PROGRAM\" --config \"$CONFIG\" --state-dir \"$STATE\" doctor --json";
            mounts::command(&bench.place, script)
        },
        check: "events",
        found: "1 listeners are needed, and this user may have 0",
        fix: "max_user_instances=512",
    },
];

impl Bench {
    /// A daemon has been here, and left nothing to complain about.
    pub fn new() -> Self {
        let (place, api) = (Place::new(), FaultServer::start("right"));
        let token = place.dir.path().join("token");
        fs::write(&token, "right").unwrap();
        let settings = format!("folders = ['{}']\n{}", place.folder().display(), api.destination(&token));
        fs::write(place.config(), settings).unwrap();
        place.drop_file("a.fit", Run::default().build());
        let mut daemon = place.start();
        daemon.wait_for("session.delivered");
        daemon.terminate();
        Self { place, api, kept: Vec::new() }
    }

    pub fn here(&self) -> Option<Command> {
        let mut command = self.place.command();
        command.args(["doctor", "--json"]);
        Some(command)
    }

    fn append(&self, settings: &str) -> Option<Command> {
        let before = fs::read_to_string(self.place.config()).unwrap();
        fs::write(self.place.config(), before + settings).unwrap();
        self.here()
    }

    pub fn rewrite(&self, a: &str, to_a: &str, b: &str, to_b: &str) -> Option<Command> {
        let before = fs::read_to_string(self.place.config()).unwrap();
        let after = before.replacen(a, to_a, 1);
        assert_ne!(before, after);
        let after = if b.is_empty() { after } else { after.replacen(b, to_b, 1) };
        fs::write(self.place.config(), after).unwrap();
        self.here()
    }

    fn to(&self, server: &str) -> Option<Command> {
        self.rewrite(&format!("http://{}", self.api.address), server, "", "")
    }

    /// A page in the middle, where nothing shows before all is read.
    fn damage(&self, name: &str) -> Option<Command> {
        let path = self.place.state().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 4096 / 2 * 4096;
        bytes[middle..middle + 4096].fill(0x5a);
        fs::write(path, bytes).unwrap();
        self.here()
    }

    /// As somebody whom nobody has to let in.
    pub fn as_nobody(&self, close: fn(&Place)) -> Option<Command> {
        let state = self.place.state();
        let inside: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path()).collect();
        let folders = fs::read_dir(self.place.folder()).unwrap().map(|entry| entry.unwrap().path());
        let owned: Vec<_> = inside
            .into_iter()
            .chain(folders)
            .chain([state, self.place.config(), self.place.dir.path().join("token")])
            .collect();
        let nobody = Nobody::of(&self.place, &owned.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        if !foreign::given(nobody.is_another(), "only root can be somebody else") {
            return None;
        }
        close(&self.place);
        let mut command = nobody.command(&self.place);
        command.args(["doctor", "--json"]);
        Some(command)
    }
}

/// A secret of an administrator's.
fn close_secret(place: &Place) {
    own(&place.dir.path().join("token"), 0, 0o600);
    own(place.dir.path(), 0, 0o755);
}

/// Everything below a directory, as far as writing would change it.
fn everything(dir: &Path) -> BTreeMap<String, (u64, i64, i64, u32)> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        let it = entry.metadata().unwrap();
        all.insert(entry.path().display().to_string(), (it.len(), it.mtime(), it.mtime_nsec(), it.mode()));
    }
    all
}

/// What is wrong, by the answer in JSON; what this machine's own clock is like is nobody's fault here.
pub fn wrong(answer: &Value) -> Vec<Value> {
    let checks = answer["checks"].as_array().unwrap().iter();
    let is_wrong =
        |check: &&Value| check["state"] == "bad" && !check["found"].as_str().unwrap().contains("is not synchronised");
    checks.filter(is_wrong).cloned().collect()
}

#[test]
fn every_fault_is_named_alone_with_what_helps() {
    for Case { name, spoil, check, found, fix } in CASES {
        let mut bench = Bench::new();
        let Some(mut command) = spoil(&mut bench) else { continue };
        let before = everything(bench.place.dir.path());
        let began = Instant::now();
        let output = command.output().unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "{name}: {:?}", began.elapsed());
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let after = everything(bench.place.dir.path());
        let written: Vec<_> = after.iter().filter(|(path, it)| before.get(*path) != Some(it)).collect();
        assert!(written.is_empty() && after.len() == before.len(), "{name}: {written:?}");
        let answer = &lines(&output.stdout)[0];
        let [fault] = &wrong(answer)[..] else { panic!("{name}: {answer:#}") };
        assert!(answer["ok"] == false && fault["check"] == *check, "{name}: {fault:#}");
        for (member, words) in [("found", found), ("fix", fix)] {
            assert!(fault[member].as_str().unwrap().contains(words), "{name}: {fault:#}");
        }
    }
}

/// With a daemon and without one, and before there ever was one.
#[test]
fn where_all_is_well_it_says_so() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let look = || {
        let answer = lines(&place.run(&["doctor", "--json"]).stdout).remove(0);
        assert!(wrong(&answer).is_empty(), "{answer:#}");
        let states = answer["checks"].as_array().unwrap().iter();
        states
            .map(|check| (check["check"].as_str().unwrap().to_owned(), check["state"].clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let of =
        |states: &BTreeMap<String, Value>, names: &[&str], state: &str| names.iter().all(|name| states[*name] == state);
    let never = look();
    assert!(of(&never, &["configuration", "disk", "folder", "events"], "good"), "{never:?}");
    assert!(of(&never, &["state-directory", "memory", "sessions", "daemon"], "not-applicable"), "{never:?}");
    assert!(!place.state().exists(), "looking makes nothing");
    let daemon = place.start();
    let running = look();
    assert!(running.values().all(|state| state == "good"), "{running:?}");
    assert!(running.contains_key("login") && running.contains_key("daemon"));
    daemon.terminate();
    let before = everything(&place.state());
    let stopped = look();
    assert!(of(&stopped, &["state-directory", "memory", "sessions"], "good"), "{stopped:?}");
    assert_eq!(everything(&place.state()), before);
    let text = String::from_utf8(place.run(&["doctor"]).stdout).unwrap();
    assert!(
        text.contains("✓ memory ") && text.contains("outbox.db: sound") && text.contains("– daemon: is not"),
        "{text}"
    );
    fs::remove_dir_all(place.folder()).unwrap();
    let text = String::from_utf8(place.run(&["doctor"]).stdout).unwrap();
    assert!(text.contains("✗ folder ") && text.contains("    → mount its disk"), "{text}");
}
