//! Programs that nobody here wrote: `.ci/run` installs them with `tests/interop/install`, as everybody can.
//!
//! Where they are missing, the tests that need them say so and check nothing, unless `FOREIGN_PROGRAMS=required`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

fn installed(path: &str, what: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/interop").join(path);
    usable(path.exists(), what).then_some(path)
}

fn is_required() -> bool {
    std::env::var_os("FOREIGN_PROGRAMS").is_some_and(|value| value == "required")
}

/// Whether what a test needs of the machine is so; says what is missing, or fails where everything is to be checked.
pub fn given(is_it: bool, missing: &str) -> bool {
    assert!(is_it || !is_required(), "{missing}");
    if !is_it {
        say(&format!("{missing}: nothing checked"));
    }
    is_it
}

fn usable(is_it: bool, what: &str) -> bool {
    assert!(is_it || !is_required(), "{what} is not installed: run tests/interop/install");
    if !is_it {
        say(&format!("{what} is not installed (tests/interop/install does it): nothing checked"));
    }
    is_it
}

/// Says something even if the test passes, when what is printed is kept back.
pub fn say(words: &str) {
    // Whoever does not want to hear it has closed stderr.
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Whether strace is there, and may trace.
pub fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).output();
    usable(tried.is_ok_and(|output| output.status.success()), "strace, with the right to trace,")
}

/// Whether a program is there, and answers this.
pub fn has(program: &str, question: &str) -> bool {
    usable(Command::new(program).arg(question).output().is_ok(), program)
}

/// Whether curl is there.
pub fn has_curl() -> bool {
    usable(Command::new("curl").arg("--version").output().is_ok(), "curl")
}

/// The linter of Dockerfiles.
pub fn hadolint() -> Option<Command> {
    Some(Command::new(installed("python/bin/hadolint", "hadolint")?))
}

/// Python with Google's API client, for one of our scripts.
pub fn python(script: &str) -> Option<Command> {
    let mut command = Command::new(installed("python/bin/python", "Google's Python client")?);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script));
    Some(command)
}

/// Vector's language, of which there are packages for Python 3.11 only.
pub fn vrl() -> Option<Command> {
    let has_it = Command::new(installed("python/bin/python", "Python")?).args(["-c", "import pyvrl"]).output();
    let has_it = has_it.is_ok_and(|output| output.status.success());
    usable(has_it, "pyVRL, which is for Python 3.11 only,").then(|| python("judge_vrl.py")).flatten()
}

/// Tests are threads of one process, and must not copy the script over each other.
static COPY: Mutex<()> = Mutex::new(());

/// Node with an OAuth2 server, for one of our scripts.
pub fn node(script: &str) -> Option<Command> {
    let modules = installed("node/node_modules/oauth2-mock-server", "the OAuth2 server")?;
    // Modules are looked for beside the script, wherever it is started.
    let place = modules.parent().unwrap().parent().unwrap().join(script);
    let _one_at_a_time = COPY.lock();
    let draft = place.with_extension(format!("{}.mjs", std::process::id()));
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script), &draft).unwrap();
    std::fs::rename(draft, &place).unwrap();
    let mut command = Command::new("node");
    command.arg(place);
    Some(command)
}

/// Whether bindfs is there, and may show a folder under another name by way of FUSE.
pub fn can_bind() -> bool {
    let place = tempfile::tempdir().unwrap();
    let script = "bindfs / \"$0\" && umount \"$0\"";
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", script]).arg(place.path()).output();
    usable(tried.is_ok_and(|output| output.status.success()), "bindfs, with the right to mount,")
}
