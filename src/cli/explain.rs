//! `fitferry explain`: the whole story of one file, folder or session, from the memory and from the file itself.

mod advice;
mod file;
mod folder;
mod look;
mod print;
mod scene;
mod session;
mod sport;

use super::patience::Patience;
use super::{Exit, Global, output};
use crate::config;
use crate::store;
use file::FileStory;
use folder::FolderStory;
use scene::Scene;
use serde::Serialize;
use session::SessionStory;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Parts of a story that may be thousands are told up to this many, and counted.
const MOST_TOLD: usize = 20;

/// Tells all there is to know of one file, folder or session, and what to do next; changes nothing.
///
/// What a file is and why, what was read, which workout it became by which rule, where each field comes from, what the
/// server said.
#[derive(clap::Args)]
pub struct Explain {
    /// A file, a folder, or the id of a session.
    #[arg(value_name = "PATH | SESSION-ID")]
    subject: PathBuf,
    /// Only what this account knows of it.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// One JSON object for each account that knows of it.
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Story {
    File(Box<FileStory>),
    Folder(FolderStory),
    Session(Box<SessionStory>),
    Unknown(Unknown),
}

/// What nobody has heard of.
#[derive(Serialize)]
struct Unknown {
    subject: String,
    next: Vec<String>,
}

impl Story {
    fn is_fine(&self) -> bool {
        match self {
            Self::File(file) => file.is_fine(),
            Self::Folder(folder) => folder.is_fine(),
            Self::Session(_) => true,
            Self::Unknown(_) => false,
        }
    }
}

impl Explain {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let _patience = Patience::of(&self.subject);
        let config = config::load(&global.flags())?;
        let connection = store::open_to_read(&config.state_dir)?;
        let scene = Scene::open(&config, connection.as_ref(), self.account.as_deref())?;
        let stories = tell(&scene, &self.subject)?;
        let mut out = output::stdout();
        for (number, story) in stories.iter().enumerate() {
            if self.json {
                output::json_line(&mut out, story)?;
            } else {
                print::story(&mut out, number, story)?;
            }
        }
        out.flush()?;
        Ok(if stories.iter().all(Story::is_fine) { Exit::Done } else { Exit::SomeInputFailed })
    }
}

/// The story of whatever is meant: what is there goes before a session of that name, and that before what was there.
fn tell(scene: &Scene<'_>, subject: &Path) -> anyhow::Result<Vec<Story>> {
    let spellings = scene::spellings(subject)?;
    if scene.is_found_link(&spellings) {
        let files = file::tell(scene, &spellings[..1], true)?;
        return Ok(files.into_iter().map(|file| Story::File(Box::new(file))).collect());
    }
    let there = fs::metadata(subject);
    if there.as_ref().is_ok_and(fs::Metadata::is_dir) {
        return Ok(vec![Story::Folder(folder::tell(scene, &spellings)?)]);
    }
    let files = |is_there| -> anyhow::Result<Vec<Story>> {
        let files = file::tell(scene, &spellings, is_there)?;
        Ok(files.into_iter().map(|file| Story::File(Box::new(file))).collect())
    };
    if there.is_ok() {
        return files(true);
    }
    let id = subject.to_string_lossy();
    let sessions = session::tell(scene, &id)?;
    if !sessions.is_empty() {
        return Ok(sessions.into_iter().map(|session| Story::Session(Box::new(session))).collect());
    }
    let closed = there.is_err_and(|error| !is_nowhere(&error));
    let files = files(closed)?;
    if !files.is_empty() {
        return Ok(files);
    }
    let folder = folder::tell(scene, &spellings)?;
    if !folder.is_known()
        && let Some(moved) = file::moved(scene, &spellings)?
    {
        return tell(scene, &moved);
    }
    Ok(vec![match folder.is_known() {
        true => Story::Folder(folder),
        false => Story::Unknown(Unknown { next: advice::unknown(&id, scene), subject: id.into_owned() }),
    }])
}

fn is_nowhere(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(error.kind(), Kind::NotFound | Kind::NotADirectory | Kind::InvalidFilename | Kind::InvalidInput)
}
