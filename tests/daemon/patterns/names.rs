//! Files that get their name in the end, names that are unlike others, and litter beside them.

use super::Pattern;
use super::arrival::{Arrival, set_year, write_parts};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

pub const PATTERNS: &[Pattern] = &[
    Pattern::slow("Syncthing", |it| renamed_from(it, it.named(".syncthing.", ".tmp"))),
    Pattern::slow("Syncthing on Windows", |it| renamed_from(it, it.named("~syncthing~", ".tmp"))),
    Pattern::slow("Nextcloud's client", |it| renamed_from(it, it.named(".", ".ocTransferId1234567.part"))),
    Pattern::slow("Nextcloud's client, as it was called before", |it| renamed_from(it, it.named(".", ".~1a2b3c4d"))),
    Pattern::slow("rsync", |it| renamed_from(it, it.named(".", ".q0Xz9B"))),
    Pattern::slow("rclone", |it| renamed_from(it, it.named("", ".8f3e21aa.partial"))),
    Pattern::slow("WinSCP", |it| renamed_from(it, it.named("", ".filepart"))),
    Pattern::slow("Chrome", |it| renamed_from(it, it.folder.join("Unconfirmed 4711.crdownload"))),
    Pattern::slow("Firefox: an empty file holds the name", |it| {
        it.until_rested(&it.path(), || drop(File::create(it.path()).unwrap()));
        renamed_from(it, it.folder.join("pX3dY1aq.fit.part"));
    }),
    Pattern::slow("Safari: a folder of its own", |it| {
        let bundle = it.named("", ".download");
        fs::create_dir(&bundle).unwrap();
        let inside = bundle.join(it.kind.file_name());
        renamed_from(it, inside);
        fs::remove_dir(bundle).unwrap();
    }),
    Pattern::slow("aria2: its notes lie beside the file", |it| {
        let notes = it.named("", ".aria2");
        fs::write(&notes, b"\0\x01\0\0\0\0").unwrap();
        let file = it.preallocated(&it.path());
        it.until_rested(&it.path(), || file.set_modified(std::time::SystemTime::now()).unwrap());
        write_parts(&file, &it.shuffled());
        fs::remove_file(notes).unwrap();
    }),
    Pattern::slow("GNOME", |it| renamed_from(it, it.folder.join(".goutputstream-K2QX41"))),
    Pattern::slow("renamed into the folder", |it| renamed_from(it, it.aside.join("file"))),
    Pattern::slow("another name that looks as good", |it| renamed_from(it, it.named("new ", ""))),
    Pattern::slow("renamed in the middle, while it is being written", |it| {
        let (from, parts) = (it.named("new ", ""), it.parts());
        let mut file = File::create(&from).unwrap();
        let (before, after) = parts.split_at(parts.len() / 2);
        it.until_told(&from, || before.iter().for_each(|(_, part)| file.write_all(part).unwrap()));
        fs::rename(from, it.path()).unwrap();
        after.iter().for_each(|(_, part)| file.write_all(part).unwrap());
    }),
    Pattern::slow("a link to a file that was complete before", |it| {
        fs::hard_link(written_aside(it), it.path()).unwrap();
    }),
    Pattern::slow("a link inside to a file inside", |it| {
        symlink(it.kind.file_name(), it.named("link to ", "")).unwrap();
        it.write_all(&mut File::create(it.path()).unwrap());
    }),
    Pattern::slow("a link to the outside", |it| symlink(written_aside(it), it.path()).unwrap()).nothing(),
    Pattern::slow("a folder that is a link to the outside", |it| {
        written_aside(it);
        symlink(&it.aside, it.folder.join("link")).unwrap();
    })
    .nothing(),
    Pattern::slow("in a folder that is made for it", |it| {
        let folder = it.folder.join("2026/april/12");
        fs::create_dir_all(&folder).unwrap();
        it.write_all(&mut File::create(folder.join(it.kind.file_name())).unwrap());
    }),
    Pattern::slow("in a tree that is moved in", |it| {
        let tree = it.aside.join("tree/below");
        fs::create_dir_all(&tree).unwrap();
        it.write_all(&mut File::create(tree.join(it.kind.file_name())).unwrap());
        fs::rename(it.aside.join("tree"), it.folder.join("tree")).unwrap();
    }),
    Pattern::slow("its folder renamed while it is being written", |it| {
        let [old, new] = ["old", "new"].map(|name| it.folder.join(name));
        fs::create_dir(&old).unwrap();
        let (path, parts) = (old.join(it.kind.file_name()), it.parts());
        let mut file = File::create(&path).unwrap();
        let (before, after) = parts.split_at(parts.len() / 2);
        it.until_told(&path, || before.iter().for_each(|(_, part)| file.write_all(part).unwrap()));
        fs::rename(old, new).unwrap();
        after.iter().for_each(|(_, part)| file.write_all(part).unwrap());
    }),
    Pattern::slow("macOS over SMB", |it| {
        fs::write(it.named("._", ""), [0, 5, 0x16, 7].repeat(1024)).unwrap();
        fs::write(it.folder.join(".DS_Store"), b"\0\0\0\x01Bud1").unwrap();
        it.until_rested(&it.path(), || drop(File::create(it.path()).unwrap()));
        write_parts(&it.preallocated(&it.path()), &it.parts());
        set_year(&File::options().write(true).open(it.path()).unwrap(), 2019);
    }),
    Pattern::slow("Windows over SMB", |it| {
        fs::write(it.folder.join("desktop.ini"), "[.ShellClassInfo]\r\n").unwrap();
        fs::write(it.folder.join("Thumbs.db"), b"\xd0\xcf\x11\xe0").unwrap();
        let file = it.preallocated(&it.path());
        it.until_rested(&it.path(), || set_year(&file, 1980));
        write_parts(&file, &it.parts());
        set_year(&file, 2019);
    }),
    Pattern::slow("the same name in capitals beside it", |it| {
        for path in [it.path(), it.folder.join(it.kind.file_name().to_uppercase())] {
            it.write_all(&mut File::create(path).unwrap());
        }
    }),
    Pattern::slow("a name that is not UTF-8", |it| named(it, b"l\xe4uft \xff")),
    Pattern::slow("a name with a line end", |it| named(it, b"line\nend\x1b[2J")),
    Pattern::slow("the longest name", |it| named(it, &b"n".repeat(255 - it.kind.file_name().len()))),
    Pattern::slow("a name that only ends like others", |it| named(it, b"  -- ")),
    Pattern::slow("a pipe with such a name beside it", |it| {
        it.run(Command::new("mkfifo").arg(it.named("pipe ", "")));
        it.write_all(&mut File::create(it.path()).unwrap());
    }),
];

/// Written in pieces under another name, and then renamed.
fn renamed_from(it: &Arrival<'_>, path: PathBuf) {
    it.write_all(&mut File::create(&path).unwrap());
    fs::rename(path, it.path()).unwrap();
}

fn written_aside(it: &Arrival<'_>) -> PathBuf {
    let path = it.aside.join(it.kind.file_name());
    it.write_all(&mut File::create(&path).unwrap());
    path
}

/// Written under a name that begins like this.
fn named(it: &Arrival<'_>, beginning: &[u8]) {
    let name = [beginning, it.kind.file_name().as_bytes()].concat();
    it.write_all(&mut File::create(it.folder.join(OsStr::from_bytes(&name))).unwrap());
}
