//! The names of an archive's members: labels for people, and what the tables of an export call its files. No name is
//! ever a path on this machine.

use super::limits::LONGEST_NAME;
use crate::workout::Key;
use std::collections::HashMap;

/// A name as text: UTF-8 if it is, else the code page of the first PCs, as the format has it. Of a very long one the end,
/// which says what it is.
pub fn label(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| cp437(*byte)).collect(),
    };
    match text.char_indices().nth_back(LONGEST_NAME) {
        Some((at, cut)) => text[at + cut.len_utf8()..].to_owned(),
        None => text,
    }
}

fn cp437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => UPPER.chars().nth(usize::from(index)).unwrap_or('\u{fffd}'),
    }
}

/// Whether a member is not even looked at: folders, litter of systems, pictures, films and the like.
pub fn is_litter(name: &str) -> bool {
    const FOLDERS: [&str; 4] = ["__macosx", "@eadir", "@__thumb", "#recycle"];
    const FILES: [&str; 2] = ["thumbs.db", "desktop.ini"];
    const MEDIA: [&str; 20] = [
        "jpg", "jpeg", "png", "gif", "heic", "heif", "webp", "tif", "tiff", "bmp", "svg", "mp4", "mov", "m4v", "avi",
        "webm", "mp3", "m4a", "wav", "pdf",
    ];
    let name = name.to_lowercase();
    let (folders, file) = name.rsplit_once('/').unwrap_or(("", &name));
    file.is_empty()
        || file.starts_with('.')
        || FILES.contains(&file)
        || folders.split('/').any(|folder| FOLDERS.contains(&folder))
        || file.rsplit_once('.').is_some_and(|(_, ending)| MEDIA.contains(&ending))
}

/// In which order members are read: tables name other files, and a health export tells which of them are but routes.
pub fn rank(name: &str) -> u8 {
    let ending = name.rsplit('.').next().unwrap_or_default();
    match () {
        () if ending.eq_ignore_ascii_case("csv") => 0,
        () if ending.eq_ignore_ascii_case("xml") => 1,
        () => 2,
    }
}

/// Whether a member of a health export is the way of one of its workouts.
pub fn is_route(name: &str) -> bool {
    name.split('/').any(|folder| folder == "workout-routes")
}

/// The files that tables name, each with the key of its row.
#[derive(Default)]
pub struct Companions(HashMap<String, Key>);

impl Companions {
    pub fn add(&mut self, companions: &[(String, Key)]) {
        self.0.extend(companions.iter().map(|(name, key)| (plain(name), key.clone())));
    }

    /// The key of the row that names this member: by a name with which its path ends.
    pub fn key_of(&self, path: &str) -> Option<&Key> {
        if self.0.is_empty() {
            return None;
        }
        let path = plain(path);
        let starts = path.match_indices('/').map(|(at, _)| at + 1);
        std::iter::once(0).chain(starts).find_map(|start| self.0.get(&path[start..]))
    }
}

/// Without what differs between a table and the archive: slashes, and whether the file is packed once more.
fn plain(name: &str) -> String {
    let name = name.trim().replace('\\', "/");
    let name = name.trim_start_matches("./").trim_start_matches('/');
    name.strip_suffix(".gz").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        assert_eq!(label("导出.xml".as_bytes()), "导出.xml");
        assert_eq!(label(b"Aktivit\x84ten.csv"), "Aktivitäten.csv");
        assert_eq!(label(b"\xff\x80\xe1"), "\u{a0}Çß");
        let long = label(&[&[b'a'; 60_000], "ö.fit".as_bytes()].concat());
        assert_eq!((long.chars().count(), long.ends_with("aö.fit")), (LONGEST_NAME, true));
    }

    #[test]
    fn litter_is_known_by_name() {
        for name in ["a/", "", "__MACOSX/a/._b.fit", "a/.DS_Store", "media/1.JPG", "a/Thumbs.db", "@eaDir/x.fit"] {
            assert!(is_litter(name), "{name}");
        }
        for name in ["a.fit", "../../etc/passwd", "/abs.gpx", "a/b.fit.gz", "png", "export.xml"] {
            assert!(!is_litter(name), "{name}");
        }
    }

    #[test]
    fn tables_name_members_by_the_end_of_their_path() {
        let key = |id: &str| Key { vendor: "strava".into(), id: id.into() };
        let mut companions = Companions::default();
        assert_eq!(companions.key_of("a"), None);
        companions.add(&[("activities/1.fit.gz".into(), key("1")), ("2.gpx".into(), key("2"))]);
        for (path, id) in [
            ("activities/1.fit.gz", Some("1")),
            ("export/activities/1.fit", Some("1")),
            ("export\\activities\\1.fit.gz", Some("1")),
            ("other/1.fit.gz", None),
            ("xactivities/1.fit.gz", None),
            ("a/b/2.gpx", Some("2")),
            ("12.gpx", None),
        ] {
            assert_eq!(companions.key_of(path), id.map(key).as_ref(), "{path}");
        }
    }
}
