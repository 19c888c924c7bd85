//! What to do next, in plain words.

use super::file::{FileStory, Remembered};
use super::folder::FolderStory;
use super::look::{Look, UNOPENED};
use super::scene::Scene;
use super::session::SessionStory;
use super::sport::Sport;
use crate::cli::output;
use crate::config::OnRemoved;
use crate::shell::quoted;
use crate::store::Verdict;
use crate::store::story::Waits;

/// Of a session.
pub fn session(told: &SessionStory, scene: &Scene<'_>) -> Vec<String> {
    let mut next = vec![state(told, scene)];
    if told.records.is_empty() && told.state != "deleted" {
        next.push(
            "it stays, as only a removed file takes its sessions with it; to be rid of it, delete it on the server"
                .into(),
        );
    }
    if let Some(suspect) = &told.suspect {
        next.push(format!(
            "it {suspect} If so, correct the zone in the settings (timezone, [timezones], or a folder's timezone)"
        ));
    }
    let sports = told.records.iter().map(|record| &record.sport);
    next.extend(sports.filter_map(unknown_word).collect::<std::collections::BTreeSet<_>>());
    if told.outdated {
        next.push("the settings have changed since it was made: it is made anew at the next start of fitferry".into());
    }
    next
}

fn state(told: &SessionStory, scene: &Scene<'_>) -> String {
    let whose = scene.whose(&told.account);
    let command = |verb: &str| format!("fitferry outbox {verb} {}{whose}", quoted(&told.id));
    match (told.state.as_str(), &told.waits) {
        ("queued", Some(waits)) => queued(waits, scene, &command("retry")),
        ("parked", _) => format!(
            "the server refuses it; see its words. Once that is mended: {}; to let it go: {}",
            command("retry"),
            command("discard")
        ),
        ("skipped", _) => {
            "your rules keep it back; change [rules] or the folder's skip in the settings to have it sent".to_owned()
        }
        ("discarded", _) => {
            format!("you let it go, until it has new content; to send it after all: {}", command("retry"))
        }
        ("edited", _) => format!("what somebody edited on the server is kept; to put ours again: {}", command("retry")),
        ("deleted", _) if told.remote.as_ref().is_some_and(|remote| remote.standing == "deleted") => {
            format!("somebody deleted it on the server, which is respected; to put it again: {}", command("retry"))
        }
        ("deleted", _) => "its files are gone, and so is it; put a file back to have it again".to_owned(),
        _ => "nothing: the server has it".to_owned(),
    }
}

fn queued(waits: &Waits, scene: &Scene<'_>, retry: &str) -> String {
    if !scene.running {
        return "it goes out when fitferry runs: start the service, or fitferry run".to_owned();
    }
    if let Some(until) = waits.rest_until.filter(|until| *until > scene.now) {
        return format!("nothing: the server asked for a rest until {until:.0}; then it goes out");
    }
    if waits.compared_first {
        return "nothing: fitferry looks first what the server has, as its memory is new, restored or was asleep"
            .to_owned();
    }
    match waits.next_attempt.filter(|next| waits.attempts > 0 && *next > scene.now) {
        Some(next) => format!("nothing: it is tried again at {next:.0}; to try at once: {retry}"),
        None => "nothing: it is about to be sent".to_owned(),
    }
}

fn unknown_word(sport: &Sport) -> Option<String> {
    let word = sport.unknown()?;
    let key = serde_json::to_string(word).ok()?;
    Some(format!("say what {word} means: {key} = NUMBER under [types] in the settings, and restart"))
}

/// Of a file, besides what is to be done of its sessions.
pub fn file(told: &FileStory, scene: &Scene<'_>) -> Vec<String> {
    if told.now.as_ref().is_some_and(|look| look.condition == UNOPENED) {
        let is_link = std::fs::symlink_metadata(&told.file).is_ok_and(|metadata| metadata.is_symlink());
        let target = std::fs::canonicalize(&told.file).ok().filter(|_| is_link);
        return vec![match target.map(|target| quoted(&target.to_string_lossy())) {
            Some(target) => {
                format!("of what it leads to: fitferry explain {target}; to have it sent: fitferry import {target}")
            }
            None => "nothing: there is nothing to be read".to_owned(),
        }];
    }
    let mut next = match (&told.memory, &told.now) {
        (Some(memory), now) => remembered(told, memory, now.as_ref()),
        (None, Some(look)) => unseen(told, look, scene),
        (None, None) => Vec::new(),
    };
    if told.unreadable.is_some() {
        next.push(
            "let whoever runs fitferry read it (owner, mode, the folders above it), and it is read by itself".into(),
        );
    }
    if told.sessions.is_empty() {
        let found = told.now.iter().flat_map(|look| &look.would_become);
        let words = found.filter_map(|would| unknown_word(&would.sport));
        next.extend(words.collect::<std::collections::BTreeSet<_>>());
    }
    if next.is_empty() {
        next.push("nothing for the file itself; for its sessions see below".to_owned());
    }
    next
}

fn remembered(told: &FileStory, memory: &Remembered, now: Option<&Look>) -> Vec<String> {
    let file = quoted(&told.file);
    if memory.doubted {
        return vec![format!("it was missed with much else: put it back, or confirm: fitferry files forget {file}")];
    }
    if now.is_none() && told.unreadable.is_none() {
        let sessions = match told.folder.as_ref().map(|folder| folder.on_removed) {
            Some(OnRemoved::Keep) => "its sessions stay, as its folder says on_removed = \"keep\"",
            Some(OnRemoved::Delete) => {
                "its sessions are deleted after watch.removed_grace, unless another file tells of them, much else is missing or another folder is away"
            }
            None => "its sessions stay, as it is in no watched folder",
        };
        return vec![format!("the file is not there any more; {sessions}. To forget it: fitferry files forget {file}")];
    }
    if memory.changed == Some(true) {
        return vec![match told.folder {
            Some(_) => "it has changed since: it is read again by itself, once it rests".to_owned(),
            None => format!("it has changed since: fitferry import {file} reads it again"),
        }];
    }
    if memory.outdated {
        return vec![format!("fitferry has learned since; it is read again by itself, or by fitferry rescan {file}")];
    }
    verdict(memory.verdict.as_str(), now).into_iter().chain(memory.stays.clone()).collect()
}

/// Nothing for files that are fine.
fn verdict(verdict: &str, now: Option<&Look>) -> Option<String> {
    let of = |verdict: Verdict| verdict.as_str();
    let advice = match verdict {
        word if word == of(Verdict::Rejected) => match now.map(|look| look.condition) {
            Some("truncated") => "it breaks off: copy or export it again; a whole copy is read by itself",
            Some("damaged") => "its bytes are damaged: copy or export it again; a sound copy is read by itself",
            _ => "nothing in it can be believed; export it again, or in another format",
        },
        word if word == of(Verdict::Waiting) => {
            "nothing: it is looked at again by itself, once it rests or its time has come"
        }
        word if word == of(Verdict::Ignored) => {
            let formats = output::document("formats.md");
            return Some(format!(
                "fitferry does not read this: export the workout as FIT, TCX or GPX, or see {formats}"
            ));
        }
        word if word == of(Verdict::NoSession) => "nothing: there is no workout in it to be sent",
        _ => return None,
    };
    Some(advice.to_owned())
}

fn unseen(told: &FileStory, look: &Look, scene: &Scene<'_>) -> Vec<String> {
    let file = quoted(&told.file);
    let mut next: Vec<String> = verdict(look.verdict, Some(look)).into_iter().collect();
    next.push(match &told.folder {
        Some(folder) if folder.ignored.is_some() => {
            format!(
                "give it another name to have it read in its folder, or take it in as it is: fitferry import {file}"
            )
        }
        Some(_) if scene.running => "nothing more: it is read by itself, once it rests".to_owned(),
        Some(_) => "it is read when fitferry runs: start the service, or fitferry run".to_owned(),
        None if look.workouts > 0 => {
            format!("to have it sent: fitferry import {file}, or put it into a watched folder")
        }
        None => return next,
    });
    next
}

/// Of a folder.
pub fn folder(told: &FolderStory, scene: &Scene<'_>) -> Vec<String> {
    let folder = quoted(&told.folder);
    let mut next = Vec::new();
    if let Some(problem) = told.accounts.iter().flat_map(|below| &below.problems).next() {
        next.push(format!("fitferry explain {}", quoted(&problem.file.to_string_lossy())));
    }
    if told.watched.is_none() && !told.holds_watched {
        next.push(format!("it is not watched: fitferry import {folder}, or add it to `folders` in the settings"));
    } else if told.watched.is_some() && !told.is_known() {
        next.push(match scene.running {
            true => "nothing in it was looked at yet; files are read once they rest".to_owned(),
            false => "nothing in it was looked at yet: start the service, or fitferry run".to_owned(),
        });
    }
    next.push(match told.is_known() {
        true => "for one of its files: fitferry explain FILE; for all: fitferry files list".to_owned(),
        false => format!("to see what is in it: fitferry normalize {folder}"),
    });
    next
}

/// Of what nobody has heard of.
pub fn unknown(subject: &str, scene: &Scene<'_>) -> Vec<String> {
    let memory = match scene.memory {
        Some(_) => format!("the memory in {} has no such file or session", scene.state_dir),
        None => format!("there is no memory in {} (see --state-dir and --config)", scene.state_dir),
    };
    let how = if subject.contains('/') { "fitferry files list" } else { "fitferry sessions list" };
    vec![format!("there is no such file here, and {memory}; all that is known: {how}")]
}
