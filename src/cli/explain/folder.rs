//! The story of a folder: how many of its files have each verdict, and which of them need somebody.

use super::scene::Scene;
use super::{MOST_TOLD, advice};
use crate::store::listing::{self, FileStatus};
use crate::store::{Verdict, story};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderStory {
    pub folder: String,
    pub accounts: Vec<Below>,
    /// Who watches it, and by which of the folders in the settings.
    pub watched_by: Option<String>,
    pub watched: Option<String>,
    /// Folders below it are watched.
    pub holds_watched: bool,
    pub next: Vec<String>,
}

/// What an account remembers of what is below.
#[derive(Debug, Serialize)]
pub struct Below {
    pub account: String,
    pub verdicts: Vec<Count>,
    /// Rejected and waiting files, the first of them.
    pub problems: Vec<FileStatus>,
}

#[derive(Debug, Serialize)]
pub struct Count {
    pub verdict: Verdict,
    pub files: u64,
}

impl FolderStory {
    pub fn is_known(&self) -> bool {
        !self.accounts.is_empty()
    }

    pub fn is_fine(&self) -> bool {
        let mut counts = self.accounts.iter().flat_map(|below| &below.verdicts);
        !counts.any(|count| count.verdict == Verdict::Rejected)
    }
}

pub fn tell(scene: &Scene<'_>, spellings: &[PathBuf]) -> anyhow::Result<FolderStory> {
    let watched = scene.watched(spellings);
    let mut told = FolderStory {
        folder: spellings.first().map(|path| path.display().to_string()).unwrap_or_default(),
        accounts: Vec::new(),
        watched_by: watched.as_ref().map(|(owner, ..)| owner.name.clone()),
        holds_watched: scene
            .owners
            .iter()
            .flat_map(|owner| &owner.folders)
            .any(|folder| spellings.iter().any(|path| folder.path.starts_with(path))),
        watched: watched.map(|(_, folder, _)| folder.path.display().to_string()),
        next: Vec::new(),
    };
    for (memory, owner, account) in scene.remembered() {
        for path in spellings {
            let verdicts = story::verdicts_below(memory, account, path)?;
            if verdicts.is_empty() {
                continue;
            }
            let mut problems = Vec::new();
            for verdict in [Verdict::Rejected, Verdict::Waiting] {
                let room = MOST_TOLD.saturating_sub(problems.len());
                for row in story::files_below(memory, account, path, verdict, room)? {
                    problems.push(listing::file(memory, row)?);
                }
            }
            let verdicts = verdicts.into_iter().map(|(verdict, files)| Count { verdict, files }).collect();
            told.accounts.push(Below { account: owner.name.clone(), verdicts, problems });
        }
    }
    told.next = advice::folder(&told, scene);
    Ok(told)
}
