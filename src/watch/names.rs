//! Which names in a folder are not for us: litter of systems, and files that another program is still writing.

use std::path::Path;

/// Folders that systems and synchronizers keep for themselves.
const LITTER_FOLDERS: &[&str] = &[
    "__macosx",
    "@eadir",
    "@__thumb",
    "#recycle",
    ".stfolder",
    ".stversions",
    ".git",
    "lost+found",
    "$recycle.bin",
    "system volume information",
];

const LITTER_FILES: &[&str] = &["desktop.ini", "thumbs.db"];

/// Endings of files in flight, by browsers, synchronizers and editors.
const IN_FLIGHT_ENDINGS: &[&str] = &[
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".tmp",
    ".temp",
    ".!sync",
    ".filepart",
    ".aria2",
    ".swp",
    ".swx",
    "~",
];

/// Beginnings of files in flight that are not hidden anyway.
const IN_FLIGHT_BEGINNINGS: &[&str] = &["~syncthing~", "~$"];

/// Why a path below a watched folder is not looked at; `None` if it is.
///
/// Hidden files are never exports: synchronizers hide what they have not finished (`.name.icloud`, `.syncthing.*.tmp`,
/// `.goutputstream-*`), and macOS hides its resource forks (`._*`).
pub fn ignored(below_folder: &Path) -> Option<&'static str> {
    matched(below_folder).map(|(why, _)| why)
}

/// By which pattern a path below a watched folder is not looked at; `None` if it is.
pub fn pattern(below_folder: &Path) -> Option<String> {
    matched(below_folder).map(|(_, pattern)| pattern)
}

fn matched(below_folder: &Path) -> Option<(&'static str, String)> {
    let mut components = below_folder.components().rev();
    let name = components.next()?.as_os_str().to_string_lossy().to_lowercase();
    if LITTER_FILES.contains(&name.as_str()) {
        return Some(("a file of the system", name));
    }
    if name.starts_with('.') {
        return Some(("a hidden file", ".*".to_owned()));
    }
    let in_flight = |pattern| Some(("still being written, by its name", pattern));
    if let Some(ending) = IN_FLIGHT_ENDINGS.iter().find(|ending| name.ends_with(*ending)) {
        return in_flight(format!("*{ending}"));
    }
    if let Some(beginning) = IN_FLIGHT_BEGINNINGS.iter().find(|beginning| name.starts_with(*beginning)) {
        return in_flight(format!("{beginning}*"));
    }
    let folder = components.find(|folder| ignored_folder(folder.as_os_str()))?;
    Some(("in a folder of the system", format!("{}/", folder.as_os_str().to_string_lossy())))
}

/// Whether a folder below a watched one, or any on the way to it, is not even entered.
pub fn ignored_path(below_folder: &Path) -> bool {
    below_folder.components().any(|folder| ignored_folder(folder.as_os_str()))
}

/// Whether a folder is not even entered.
pub fn ignored_folder(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    name.starts_with(".trash") || name.starts_with('.') || LITTER_FOLDERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litter_and_files_in_flight() {
        for name in [
            ".DS_Store",
            "._run.fit",
            "Thumbs.db",
            "Desktop.INI",
            "__MACOSX/run.fit",
            "@eaDir/run.fit/x.fit",
            ".stversions/run.fit",
            ".Trash-1000/files/run.fit",
            ".syncthing.run.fit.tmp",
            "~syncthing~run.fit.tmp",
            "run.fit.part",
            "run.fit.crdownload",
            "run.fit.aria2",
            ".run.fit.ocTransferId1234.part",
            ".run.fit.icloud",
            ".~lock.a.gpx#",
            ".goutputstream-ABC",
            "run.gpx~",
        ] {
            assert!(ignored(Path::new(name)).is_some(), "{name}");
        }
        for name in
            ["run.fit", "a/b c/Rün.GPX", "no extension", "run.sync-conflict-20260412-063015-ABCDEFG.fit", "part"]
        {
            assert_eq!(ignored(Path::new(name)), None, "{name}");
        }
        for (name, expected) in [
            ("Thumbs.db", "thumbs.db"),
            ("a/._run.fit", ".*"),
            ("run.fit.PART", "*.part"),
            ("~$run.fit", "~$*"),
            ("a/@eaDir/x/run.fit", "@eaDir/"),
        ] {
            assert_eq!(pattern(Path::new(name)).as_deref(), Some(expected));
        }
    }
}
