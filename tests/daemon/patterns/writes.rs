//! Files that are written under their own name: from the front, from behind, into reserved space, with pauses.

use super::Pattern;
use super::arrival::{Arrival, set_year, write_parts};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::process::Command;

const O_SYNC: i32 = 0o4_010_000;

pub const PATTERNS: &[Pattern] = &[
    Pattern::slow("written and closed", |it| it.write_all(&mut File::create(it.path()).unwrap())),
    Pattern::slow("every piece on disk before the next", |it| {
        let mut file = File::create(it.path()).unwrap();
        for (_, part) in it.parts() {
            file.write_all(part).unwrap();
            file.sync_all().unwrap();
        }
    }),
    Pattern::slow("O_SYNC", |it| {
        let options = File::options().write(true).create(true).truncate(true).custom_flags(O_SYNC).open(it.path());
        it.write_all(&mut options.unwrap());
    }),
    Pattern::slow("opened anew for every piece, like a transfer that is resumed", |it| {
        for (_, part) in it.parts() {
            File::options().append(true).create(true).open(it.path()).unwrap().write_all(part).unwrap();
        }
    }),
    Pattern::slow("a pause between the pieces", |it| {
        let mut file = File::create(it.path()).unwrap();
        let every = it.pieces.div_ceil(8);
        for (index, (_, part)) in it.parts().into_iter().enumerate() {
            let mut write = || file.write_all(part).unwrap();
            if index % every == every - 1 && index + 1 < it.pieces { it.until_told(&it.path(), write) } else { write() }
        }
    }),
    Pattern::slow("a pause in the middle, with the file open", |it| {
        let mut file = File::create(it.path()).unwrap();
        rest_in_the_middle(it, |parts| parts.iter().for_each(|(_, part)| file.write_all(part).unwrap()));
    }),
    Pattern::slow("closed in the middle, and resumed", |it| {
        rest_in_the_middle(it, |parts| {
            let mut file = File::options().append(true).create(true).open(it.path()).unwrap();
            parts.iter().for_each(|(_, part)| file.write_all(part).unwrap());
        });
    }),
    Pattern::slow("empty for a while, as a scanner leaves it", |it| {
        it.until_rested(&it.path(), || drop(File::create(it.path()).unwrap()));
        it.write_all(&mut File::options().append(true).open(it.path()).unwrap());
    }),
    Pattern::slow("space reserved, then filled", |it| write_parts(&it.preallocated(&it.path()), &it.parts())),
    Pattern::slow("blocks reserved by fallocate, then filled", |it| {
        let length = it.content.len().to_string();
        it.run(Command::new("fallocate").args(["-l", &length]).arg(it.path()));
        write_parts(&File::options().write(true).open(it.path()).unwrap(), &it.parts());
    }),
    Pattern::slow("space reserved and closed; filled after a while", |it| {
        it.until_rested(&it.path(), || drop(it.preallocated(&it.path())));
        write_parts(&File::options().write(true).open(it.path()).unwrap(), &it.parts());
    }),
    Pattern::slow("space reserved, half of it filled, and the rest after a while", |it| {
        fill(it, &it.parts());
    }),
    Pattern::slow("more space reserved than needed", |it| {
        let file = it.preallocated(&it.path());
        file.set_len(1 << 16).unwrap();
        write_parts(&file, &it.parts());
        file.set_len(it.content.len() as u64).unwrap();
    }),
    Pattern::slow("filled from behind", |it| {
        let parts: Vec<_> = it.parts().into_iter().rev().collect();
        write_parts(&it.preallocated(&it.path()), &parts);
    }),
    Pattern::slow("filled from behind, with a pause in the middle", |it| {
        let parts: Vec<_> = it.parts().into_iter().rev().collect();
        fill(it, &parts);
    }),
    Pattern::slow("filled in any order", |it| write_parts(&it.preallocated(&it.path()), &it.shuffled())),
    Pattern::slow("filled in any order, with a pause in the middle", |it| {
        fill(it, &it.shuffled());
    }),
    Pattern::slow("the beginning last, after a while", |it| {
        let mut parts = it.parts();
        parts.rotate_left(1);
        let (first, others) = parts.split_last().unwrap();
        let file = it.preallocated(&it.path());
        it.until_told(&it.path(), || {
            write_parts(&file, others);
            file.set_modified(std::time::SystemTime::now()).unwrap();
        });
        write_parts(&file, &[*first]);
    }),
    Pattern::slow("a gap between two places that look alike, for a while", |it| {
        let (from, to) = gap_between_twins(&it.content);
        let file = it.preallocated(&it.path());
        it.until_rested(&it.path(), || {
            write_parts(&file, &[(0, &it.content[..from]), (to as u64, &it.content[to..])]);
        });
        write_parts(&file, &[(from as u64, &it.content[from..to])]);
    })
    .in_pieces(&[1]),
    Pattern::slow("the time of 1970 in the end", |it| in_year(it, 1970)),
    Pattern::slow("the time of 2100 in the end", |it| in_year(it, 2100)),
    Pattern::slow("the time of the original in the end", |it| in_year(it, 2019)),
    Pattern::slow("the time of the original already in the middle", |it| {
        rest_in_the_middle(it, |parts| {
            let mut file = File::options().append(true).create(true).open(it.path()).unwrap();
            parts.iter().for_each(|(_, part)| file.write_all(part).unwrap());
            set_year(&file, 2019);
        });
    }),
    Pattern::slow("size and time of the original from the beginning", |it| {
        it.until_rested(&it.path(), || set_year(&it.preallocated(&it.path()), 2019));
        let file = File::options().write(true).open(it.path()).unwrap();
        write_parts(&file, &it.parts());
        set_year(&file, 2019);
    }),
    Pattern::slow("the mode set in the end", |it| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(it.path()).unwrap();
        it.write_all(&mut file);
        file.set_permissions(Permissions::from_mode(0o444)).unwrap();
    }),
    Pattern::slow("two who write the same", |it| {
        let files = [0, 1].map(|_| File::options().write(true).create(true).truncate(false).open(it.path()).unwrap());
        for part in it.parts() {
            files.iter().for_each(|file| write_parts(file, &[part]));
        }
    }),
    Pattern::slow("two who share the work", |it| {
        let files = [0, 1].map(|_| File::options().write(true).create(true).truncate(false).open(it.path()).unwrap());
        for (index, part) in it.parts().into_iter().enumerate() {
            write_parts(&files[index % 2], &[part]);
        }
        let [first, second] = files;
        drop(first);
        drop(second);
    }),
    Pattern::slow("written by its other name, a hard link", |it| {
        let hidden = it.named(".", ".lock");
        let mut file = File::create(&hidden).unwrap();
        fs::hard_link(&hidden, it.path()).unwrap();
        it.write_all(&mut file);
        drop(file);
        fs::remove_file(hidden).unwrap();
        // Such writing is told under the other name alone; whoever links so closes, or touches, the one that counts.
        drop(File::options().append(true).open(it.path()).unwrap());
    }),
];

/// Writes half of it, waits until the daemon has looked, and writes the rest.
pub fn rest_in_the_middle(it: &Arrival<'_>, write: impl FnMut(&[(u64, &[u8])])) {
    pause_between(it, &it.parts(), write);
}

/// Reserves the space, fills half of it, waits until the daemon has looked, and fills the rest.
fn fill(it: &Arrival<'_>, parts: &[(u64, &[u8])]) {
    let mut file = None;
    pause_between(it, parts, |parts| write_parts(file.get_or_insert_with(|| it.preallocated(&it.path())), parts));
}

/// Of a single piece nothing arrives before the pause.
fn pause_between(it: &Arrival<'_>, parts: &[(u64, &[u8])], mut write: impl FnMut(&[(u64, &[u8])])) {
    let (before, after) = parts.split_at(parts.len() / 2);
    it.until_rested(&it.path(), || write(before));
    write(after);
}

/// A part of text without which the rest seems to fit: what stands before it stands before its end as well.
fn gap_between_twins(content: &[u8]) -> (usize, usize) {
    const ALIKE: usize = 12;
    const LEAST: usize = 40;
    let first = content.len() / 4;
    let twins = (first..first + 200).find_map(|from| {
        let before = content.get(from - ALIKE..from)?;
        let found = content.get(from + LEAST - ALIKE..)?.windows(ALIKE).position(|there| there == before)?;
        Some((from, from + LEAST + found))
    });
    twins.unwrap_or((first, content.len() / 2))
}

fn in_year(it: &Arrival<'_>, year: u64) {
    let mut file = File::create(it.path()).unwrap();
    it.write_all(&mut file);
    set_year(&file, year);
}
