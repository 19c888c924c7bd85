//! Files that change after they were read: rewritten, replaced, renamed, removed and restored, or that go on growing.

use super::Pattern;
use super::arrival::{Arrival, set_year, write_parts};
use super::writes::rest_in_the_middle;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

pub const PATTERNS: &[Pattern] = &[
    Pattern::slow("truncated and written anew", |it| {
        it.begin_with_older();
        it.write_all(&mut File::create(it.path()).unwrap());
    })
    .revised(),
    Pattern::slow("truncated and written anew, with a pause", |it| {
        it.begin_with_older();
        let mut file = None;
        rest_in_the_middle(it, |parts| {
            write_parts(file.get_or_insert_with(|| File::create(it.path()).unwrap()), parts);
        });
    })
    .revised(),
    Pattern::slow("overwritten in place, and cut at its end", |it| {
        it.begin_with_older();
        let file = File::options().write(true).open(it.path()).unwrap();
        write_parts(&file, &it.parts());
        file.set_len(it.content.len() as u64).unwrap();
    })
    .revised(),
    // Meanwhile it is neither the one nor the other, and may look complete.
    Pattern::slow("overwritten in place, with a pause", |it| {
        it.begin_with_older();
        let file = File::options().write(true).open(it.path()).unwrap();
        rest_in_the_middle(it, |parts| write_parts(&file, parts));
        file.set_len(it.content.len() as u64).unwrap();
    })
    .in_pieces(&[2, 7, 100])
    .revised(),
    // The other workout stays, and what is half the one and half the other is nobody's.
    Pattern::slow("another workout in its place, with a pause", |it| {
        it.begin_with_another();
        let file = File::options().write(true).open(it.path()).unwrap();
        rest_in_the_middle(it, |parts| write_parts(&file, parts));
        file.set_len(it.content.len() as u64).unwrap();
    })
    .in_pieces(&[2, 7, 100])
    .another(),
    Pattern::slow("another workout in its place, which is given its time afterwards", |it| {
        it.begin_with_another();
        let file = File::options().write(true).open(it.path()).unwrap();
        rest_in_the_middle(it, |parts| write_parts(&file, parts));
        file.set_len(it.content.len() as u64).unwrap();
        drop(file);
        it.run(Command::new("touch").args(["-d", "2019-01-01"]).arg(it.path()));
    })
    .in_pieces(&[2, 7])
    .another(),
    Pattern::slow("overwritten, and given the time that it had", |it| {
        it.begin_with_older();
        it.until_told(&it.path(), || set_year(&File::options().write(true).open(it.path()).unwrap(), 2019));
        let file = File::options().write(true).open(it.path()).unwrap();
        write_parts(&file, &it.parts());
        file.set_len(it.content.len() as u64).unwrap();
        set_year(&file, 2019);
    })
    .revised(),
    Pattern::slow("a new one renamed over it", |it| {
        it.begin_with_older();
        it.write_all(&mut File::create(it.named(".", ".q0Xz9B")).unwrap());
        fs::rename(it.named(".", ".q0Xz9B"), it.path()).unwrap();
    })
    .revised(),
    Pattern::slow("the old one renamed to a backup, a new one written", |it| {
        it.begin_with_older();
        fs::rename(it.path(), it.named("", "~")).unwrap();
        it.write_all(&mut File::create(it.path()).unwrap());
        fs::remove_file(it.named("", "~")).unwrap();
    })
    .revised(),
    Pattern::slow("the old one copied to a backup, then written anew", |it| {
        it.begin_with_older();
        fs::copy(it.path(), it.named("", "~")).unwrap();
        it.write_all(&mut File::create(it.path()).unwrap());
    })
    .revised(),
    Pattern::slow("replaced again and again, while it is being read", |it| {
        for version in versions(it) {
            it.write_all(&mut File::create(it.named(".", ".new")).unwrap());
            fs::write(it.named(".", ".new"), version).unwrap();
            fs::rename(it.named(".", ".new"), it.path()).unwrap();
        }
    })
    .revised(),
    Pattern::slow("written anew again and again, while it is being read", |it| {
        for version in versions(it) {
            let mut file = File::create(it.path()).unwrap();
            let size = version.len().div_ceil(it.pieces);
            version.chunks(size).for_each(|part| file.write_all(part).unwrap());
        }
    })
    .revised(),
    Pattern::slow("more workouts each time, renamed over the file before", |it| {
        for version in it.kind.growing(it.number) {
            it.until_told(&it.path(), || {
                fs::write(it.named(".", ".new"), version).unwrap();
                fs::rename(it.named(".", ".new"), it.path()).unwrap();
            });
        }
    })
    .revised(),
    Pattern::slow("more workouts each time, the file rewritten slowly", |it| {
        for version in it.kind.growing(it.number) {
            it.until_told(&it.path(), || {
                let mut file = File::create(it.path()).unwrap();
                let size = version.len().div_ceil(it.pieces);
                version.chunks(size).for_each(|part| file.write_all(part).unwrap());
            });
        }
    })
    .revised(),
    Pattern::slow("removed and restored", |it| {
        it.until_told(&it.path(), || it.write_all(&mut File::create(it.path()).unwrap()));
        fs::remove_file(it.path()).unwrap();
        it.write_all(&mut File::create(it.path()).unwrap());
    }),
    Pattern::slow("removed half written, and begun again", |it| {
        rest_in_the_middle(it, |parts| {
            write_parts(&File::options().write(true).create(true).truncate(false).open(it.path()).unwrap(), parts);
            if parts.first().is_some_and(|(offset, _)| *offset > 0) {
                fs::remove_file(it.path()).unwrap();
                it.write_all(&mut File::create(it.path()).unwrap());
            }
        });
    }),
    Pattern::slow("broken off, and whole under another name", |it| {
        let half = &it.content[..it.content.len() / 2];
        it.until_told(&it.path(), || fs::write(it.path(), half).unwrap());
        it.write_all(&mut File::create(it.named("again ", "")).unwrap());
    }),
    Pattern::slow("renamed after it was read", |it| {
        it.until_told(&it.path(), || it.write_all(&mut File::create(it.path()).unwrap()));
        fs::rename(it.path(), it.named("renamed ", "")).unwrap();
    }),
    Pattern::slow("copied after it was read", |it| {
        it.until_told(&it.path(), || it.write_all(&mut File::create(it.path()).unwrap()));
        let copy = it.named("copy of ", "");
        it.until_told(&copy, || fs::write(&copy, &it.content).unwrap());
    }),
    Pattern::slow("moved out and in again, with its folder", |it| {
        let [inside, outside] = [it.folder.join("month"), it.aside.join("month")];
        fs::create_dir(&inside).unwrap();
        let path = inside.join(it.kind.file_name());
        it.until_told(&path, || it.write_all(&mut File::create(&path).unwrap()));
        fs::rename(&inside, &outside).unwrap();
        fs::rename(&outside, &inside).unwrap();
    }),
];

/// The older and the newer version in turn; the newer one comes last.
fn versions(it: &Arrival<'_>) -> impl Iterator<Item = Vec<u8>> {
    let older = it.kind.content_before(it.number);
    let newer = it.content.clone();
    (0..4).flat_map(move |_| [older.clone(), newer.clone()])
}
