//! The story of a file: what it is, what the memory says of it, and the sessions that it tells of.

use super::look::{self, Look};
use super::scene::{Owner, Scene};
use super::session::{self, SessionStory};
use super::{MOST_TOLD, advice};
use crate::config::OnRemoved;
use crate::daemon;
use crate::formats::READER_VERSION;
use crate::intake::Links;
use crate::store::listing::{self, FileStatus};
use crate::store::members::Member;
use crate::store::story::{self, Judged};
use crate::store::{Account, Verdict, folders, moves, sessions};
use crate::watch::names;
use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStory {
    pub file: String,
    /// Whose memory or folder it is in.
    pub account: Option<String>,
    pub folder: Option<Watched>,
    /// As it is now; nothing if it is gone or cannot be read.
    pub now: Option<Look>,
    pub unreadable: Option<String>,
    /// As it was when it was judged; nothing if it is not remembered.
    pub memory: Option<Remembered>,
    /// The sessions that it tells of, the first of them.
    pub sessions: Vec<SessionStory>,
    pub more_sessions: usize,
    pub next: Vec<String>,
}

/// The watched folder that a file is below.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Watched {
    pub path: String,
    /// Why the file is not looked at, by its name.
    pub ignored: Option<String>,
    /// The pattern that its name matches.
    pub pattern: Option<String>,
    /// What becomes of the sessions of its files when they are removed.
    pub on_removed: OnRemoved,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remembered {
    pub verdict: Verdict,
    pub reason: Option<String>,
    pub judged: Option<Timestamp>,
    pub format: Option<String>,
    /// Bytes.
    pub size: i64,
    pub modified: Option<Timestamp>,
    /// The file is not the one that was judged any more; nothing if it is not there.
    pub changed: Option<bool>,
    /// Readers have learned since, and read it again.
    pub outdated: bool,
    pub gone_since: Option<Timestamp>,
    /// Why it is not moved though it is done with, where its folder asks for that.
    pub stays: Option<String>,
    /// It was missed with so much else that a person has to say whether it is gone.
    pub doubted: bool,
    /// Members of an archive that were not fine, the first of them.
    pub members: Vec<Member>,
}

impl FileStory {
    pub fn is_fine(&self) -> bool {
        let is_rejected = match (&self.now, &self.memory) {
            (Some(look), _) => look.verdict == Verdict::Rejected.as_str(),
            (None, Some(memory)) => memory.verdict == Verdict::Rejected,
            (None, None) => true,
        };
        !is_rejected && self.unreadable.is_none()
    }
}

/// The story of a path in every account that remembers it; of one that nobody does, if the file is there.
pub fn tell(scene: &Scene<'_>, spellings: &[PathBuf], is_there: bool) -> anyhow::Result<Vec<FileStory>> {
    let mut stories = Vec::new();
    for (memory, owner, account) in scene.remembered() {
        for path in spellings {
            if let Some(judged) = story::judged(memory, account, path)? {
                let mut told = begin(scene, owner, path, spellings, is_there);
                remember(scene, (memory, owner, account), path, judged, &mut told)?;
                told.next = advice::file(&told, scene);
                stories.push(told);
            }
        }
    }
    let owner = scene.watched(spellings).map(|(owner, ..)| owner).or(scene.owners.first());
    if let (true, true, Some(owner), [path, ..]) = (stories.is_empty(), is_there, owner, spellings) {
        let mut told = begin(scene, owner, path, spellings, is_there);
        told.next = advice::file(&told, scene);
        stories.push(told);
    }
    Ok(stories)
}

/// Where a file was moved when it was done with, as far as its name tells.
pub fn moved(scene: &Scene<'_>, spellings: &[PathBuf]) -> anyhow::Result<Option<PathBuf>> {
    let Some((owner, folder, below)) = scene.watched(spellings) else { return Ok(None) };
    let (Some(memory), Some(account), Some(name)) = (scene.memory.as_deref(), owner.account, below.file_name()) else {
        return Ok(None);
    };
    Ok(moves::find(memory, account, &folder.path, name)?)
}

/// What can be told without the memory.
fn begin(scene: &Scene<'_>, owner: &Owner, path: &Path, spellings: &[PathBuf], is_there: bool) -> FileStory {
    // What the watcher finds it does not follow; what somebody names is the file that it leads to.
    let is_found = scene.watched(&[path.to_path_buf()]).is_some();
    let links = if is_found { Links::Refused } else { Links::Followed };
    let now = is_there.then(|| look::look(path, owner, links, scene.now));
    let (now, unreadable) = match now.transpose() {
        Ok(now) => (now, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let watched = scene.watched(spellings);
    let folder = watched.as_ref().filter(|(whose, ..)| whose.name == owner.name).map(|(_, folder, below)| Watched {
        path: folder.path.display().to_string(),
        ignored: names::ignored(below).map(str::to_owned),
        pattern: names::pattern(below),
        on_removed: folder.on_removed,
    });
    FileStory {
        file: path.display().to_string(),
        account: folder.is_some().then(|| owner.name.clone()),
        folder,
        now,
        unreadable,
        memory: None,
        sessions: Vec::new(),
        more_sessions: 0,
        next: Vec::new(),
    }
}

/// Adds what the memory says.
fn remember(
    scene: &Scene<'_>,
    (memory, owner, account): (&Connection, &Owner, Account),
    path: &Path,
    judged: Judged,
    told: &mut FileStory,
) -> anyhow::Result<()> {
    let FileStatus { verdict, reason, format, judged: at, gone_since, doubted, members, .. } =
        listing::file(memory, judged.row)?;
    let changed = told.now.as_ref().map(|look| judged.stamp.has_changed(look.stamp));
    if let Some(look) = told.now.as_mut().filter(|_| changed == Some(false)) {
        look.would_become.clear();
    }
    told.account = Some(owner.name.clone());
    let stays = if changed == Some(false) { stays(scene, memory, account, path)? } else { None };
    told.memory = Some(Remembered {
        verdict,
        reason,
        judged: at,
        format,
        size: judged.stamp.size,
        modified: Timestamp::from_nanosecond(judged.stamp.mtime_ns.into()).ok(),
        changed,
        outdated: judged.reader_version < READER_VERSION && !matches!(verdict, Verdict::Queued | Verdict::Known),
        gone_since,
        stays,
        doubted,
        members: members.into_iter().take(MOST_TOLD).collect(),
    });
    let mut rows = sessions::of_file(memory, judged.row)?;
    rows.sort_unstable();
    told.more_sessions = rows.len().saturating_sub(MOST_TOLD);
    for row in rows.into_iter().take(MOST_TOLD) {
        told.sessions.push(session::tell_of(scene, memory, owner, account, row)?);
    }
    Ok(())
}

/// What keeps a file in place that is done with, where its folder wants it moved.
fn stays(scene: &Scene<'_>, memory: &Connection, account: Account, path: &Path) -> rusqlite::Result<Option<String>> {
    let Some((_, folder, _)) = scene.watched(&[path.to_path_buf()]) else { return Ok(None) };
    let ready = moves::is_ready(memory, account, &folder.path, daemon::moves::wanted(folder), path)?;
    let Some(ready) = ready else { return Ok(None) };
    if let Some(copy) = daemon::moves::copy_in_place(&ready, &folder.path) {
        return Ok(Some(format!("it stays, as {} is the same, byte for byte; either can be removed", copy.display())));
    }
    let trouble = folders::trouble_with_moving(memory, account, &folder.path)?;
    Ok(Some(match trouble {
        Some(trouble) => format!("it is not moved: {trouble}"),
        None if scene.running => "it is done with, and about to be moved".to_owned(),
        None => "it is done with, and moved when fitferry runs".to_owned(),
    }))
}
