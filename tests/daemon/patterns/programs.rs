//! Files that real programs put into the folder, as people call them.

use super::Pattern;
use super::arrival::Arrival;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};

pub const PATTERNS: &[Pattern] = &[
    program("cp", |it| run(it, "cp", ["-T".as_ref(), it.original().as_os_str(), it.path().as_os_str()])),
    program("cp -p", |it| run(it, "cp", ["-p".as_ref(), it.original().as_os_str(), it.path().as_os_str()])),
    program("cp -r", |it| {
        it.original();
        run(it, "cp", ["-r".as_ref(), it.aside.as_os_str(), it.folder.as_os_str()]);
    }),
    program("cp over the older one", |it| {
        it.begin_with_older();
        run(it, "cp", [it.original().as_os_str(), it.path().as_os_str()]);
    })
    .revised(),
    program("mv", |it| run(it, "mv", [it.original().as_os_str(), it.folder.as_os_str()])),
    program("mv from another disk", |it| {
        let disk = tempfile::tempdir_in("/dev/shm").unwrap();
        let original = disk.path().join(it.kind.file_name());
        fs::write(&original, &it.content).unwrap();
        run(it, "mv", [original.as_os_str(), it.folder.as_os_str()]);
    }),
    program("install", |it| {
        run(it, "install", ["-m".as_ref(), "640".as_ref(), it.original().as_os_str(), it.path().as_os_str()]);
    }),
    program("ln", |it| run(it, "ln", [it.original().as_os_str(), it.path().as_os_str()])),
    program("dd", |it| dd(it, "conv=fsync")),
    program("dd into what is there", |it| {
        it.begin_with_older();
        dd(it, "conv=notrunc");
        let length = it.content.len().to_string();
        run(it, "truncate", ["-s".as_ref(), length.as_ref(), it.path().as_os_str()]);
    })
    .revised(),
    program("dd in direct blocks of its own, appended", |it| dd(it, "oflag=append,sync")),
    program("tee", |it| {
        let original = fs::File::open(it.original()).unwrap();
        it.run(Command::new("tee").arg(it.path()).stdin(original).stdout(Stdio::null()));
    }),
    program("tar", |it| {
        it.original();
        let script = "tar -c -C \"$0\" . | tar -x -C \"$1\"";
        run(it, "sh", ["-c".as_ref(), script.as_ref(), it.aside.as_os_str(), it.folder.as_os_str()]);
    }),
    program("unzip", |it| {
        let archive = it.aside.join("archive");
        let zip = crate::support::archive::Zip::new().add(format!("2026/{}", it.kind.file_name()), &it.content).build();
        fs::write(&archive, zip).unwrap();
        run(it, "unzip", ["-q".as_ref(), archive.as_os_str(), "-d".as_ref(), it.folder.as_os_str()]);
    })
    .needs("unzip", "-v"),
    program("sed -i", |it| {
        it.until_told(&it.path(), || fs::write(it.path(), &it.content).unwrap());
        it.run(Command::new("sed").env("LC_ALL", "C").args(["-i", "s/never there/x/"]).arg(it.path()));
    }),
    program("curl", |it| curl(it, &[])).needs("curl", "--version"),
    program("curl, resumed", |it| {
        it.until_told(&it.path(), || fs::write(it.path(), &it.content[..it.content.len() / 2]).unwrap());
        curl(it, &["-C", "-"]);
    })
    .needs("curl", "--version"),
    program("rsync", |it| rsync(it, &["-a"])).needs("rsync", "--version"),
    program("rsync --inplace", |it| rsync(it, &["-a", "--inplace"])).needs("rsync", "--version"),
    program("rsync --inplace --preallocate", |it| rsync(it, &["-a", "--inplace", "--preallocate"]))
        .needs("rsync", "--version"),
    program("rsync --delay-updates", |it| rsync(it, &["-a", "--delay-updates"])).needs("rsync", "--version"),
    program("rsync over the older one", |it| {
        it.begin_with_older();
        rsync(it, &["-a", "--no-whole-file", "--ignore-times"]);
    })
    .revised()
    .needs("rsync", "--version"),
    program("rsync --inplace over the older one", |it| {
        it.begin_with_older();
        rsync(it, &["-a", "--no-whole-file", "--ignore-times", "--inplace"]);
    })
    .revised()
    .needs("rsync", "--version"),
    program("rsync --append", |it| {
        it.until_told(&it.path(), || fs::write(it.path(), &it.content[..it.content.len() / 2]).unwrap());
        rsync(it, &["--append"]);
    })
    .needs("rsync", "--version"),
    program("scp", |it| {
        let target = format!("there:{}", it.path().display());
        let server = ["-D", "/usr/lib/openssh/sftp-server"].map(OsStr::new);
        run(it, "scp", [&server[..], &["-p".as_ref(), it.original().as_os_str(), target.as_ref()]].concat());
    })
    .needs("/usr/lib/openssh/sftp-server", "-h"),
    program("vim", |it| {
        it.begin_with_older();
        let write = format!("w! {}", it.path().display());
        let vim = ["-b", "-N", "-u", "NONE", "-i", "NONE", "-es"];
        let commands = ["-c", "set backup backupcopy=no", "-c", &write, "-c", "qa!"];
        it.run(Command::new("vim").args(vim).args(commands).arg(it.original()).stdin(Stdio::null()));
    })
    .revised()
    .needs("vim", "--version"),
];

const fn program(name: &'static str, arrive: fn(&Arrival<'_>)) -> Pattern {
    Pattern::slow(name, arrive).in_pieces(&[1])
}

fn run<A: AsRef<OsStr>>(it: &Arrival<'_>, program: &str, arguments: impl IntoIterator<Item = A>) {
    it.run(Command::new(program).args(arguments));
}

fn dd(it: &Arrival<'_>, how: &str) {
    let [from, to] =
        [("if=", it.original()), ("of=", it.path())].map(|(what, path)| format!("{what}{}", path.display()));
    run(it, "dd", [&from, &to, "bs=64", "status=none", how]);
}

fn curl(it: &Arrival<'_>, arguments: &[&str]) {
    let url = format!("file://{}", it.original().display());
    it.run(Command::new("curl").args(["-s", "-R"]).args(arguments).arg(url).arg("-o").arg(it.path()));
}

fn rsync(it: &Arrival<'_>, arguments: &[&str]) {
    it.run(Command::new("rsync").args(arguments).arg(it.original()).arg(it.path()));
}
