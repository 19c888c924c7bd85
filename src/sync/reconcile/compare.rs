//! What it means that a destination has a session, has it not, or has it differently, and what is done about it. Pure.

use crate::config::{OnDeleted, OnEdited};
use crate::merge;
use crate::session::{APPLICATION, Session};
use crate::store::mirror::{Mirrored, Standing};

/// What was found about one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// As it should be, or as was decided about it before.
    Same,
    /// The destination has what it should have, and we did not know.
    Known,
    /// Ours is news to the destination.
    News,
    /// Delivered once, and gone without a word.
    Missing,
    /// Somebody deleted it.
    Deleted,
    /// Somebody changed it.
    Edited,
    /// It is there, and should not be any more.
    Unwanted,
}

impl Finding {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Known => "known",
            Self::News => "news",
            Self::Missing => "missing",
            Self::Deleted => "deleted",
            Self::Edited => "edited",
            Self::Unwanted => "unwanted",
        }
    }
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    Nothing,
    /// It counts as delivered as it is, and this is why.
    Accept(Standing),
    /// It is put, as nothing speaks against it.
    Send,
    /// It is put once more; a second time is a person's turn.
    Restore,
    Delete,
    /// It was restored before, and that did not last.
    Park(&'static str),
}

/// What the settings say.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub on_deleted: OnDeleted,
    pub on_edited: OnEdited,
}

/// `is_deleted` if the destination says so, and not only has nothing.
pub fn find(ours: &Mirrored, theirs: Option<&Session>, is_deleted: bool) -> Finding {
    if !ours.wanted {
        return match theirs {
            _ if ours.is_queued => Finding::News,
            Some(_) => Finding::Unwanted,
            None => Finding::Same,
        };
    }
    let Some(theirs) = theirs else {
        return match &ours.known {
            Some(known) if known.standing == Standing::Deleted => Finding::Same,
            Some(_) if is_deleted => Finding::Deleted,
            Some(_) if !ours.is_queued => Finding::Missing,
            _ => Finding::News,
        };
    };
    let hash = theirs.content_hash();
    let is_as_known = ours.known.as_ref().is_some_and(|known| known.echo == hash);
    if says_the_same(&ours.session, theirs) {
        let is_settled = is_as_known && !ours.is_queued;
        return if is_settled { Finding::Same } else { Finding::Known };
    }
    match (ours.is_queued, is_as_known) {
        (false, true) => Finding::Same,
        (false, false) => Finding::Edited,
        (true, true) => Finding::News,
        // A word of ours that arrived late.
        (true, false) if ours.has_said(theirs) => Finding::News,
        // Not what we put, as far as we know: the later word counts. A backup that was restored knows too little.
        (true, false) => {
            let is_later = theirs.modified_time_millis.is_some_and(|modified| modified > ours.revised_ms);
            if is_later { Finding::Edited } else { Finding::News }
        }
    }
}

pub fn remedy(finding: Finding, ours: &Mirrored, policy: Policy) -> Remedy {
    let restore = |why| if ours.was_restored() { Remedy::Park(why) } else { Remedy::Restore };
    match finding {
        Finding::Same => Remedy::Nothing,
        Finding::Known => Remedy::Accept(Standing::Ours),
        Finding::News => Remedy::Send,
        Finding::Missing => restore("it vanished from the server, was put again, and vanished again"),
        Finding::Deleted => match policy.on_deleted {
            OnDeleted::Respect => Remedy::Accept(Standing::Deleted),
            // It was not put again yet.
            OnDeleted::Restore if ours.is_queued => Remedy::Send,
            OnDeleted::Restore => restore("it was deleted on the server, put again, and deleted again"),
        },
        Finding::Edited => match policy.on_edited {
            OnEdited::Keep => Remedy::Accept(Standing::Theirs),
            OnEdited::Restore if ours.is_queued => Remedy::Send,
            OnEdited::Restore => restore("it was changed on the server, put again, and changed again"),
        },
        Finding::Unwanted => Remedy::Delete,
    }
}

/// Whether a destination's account of a session says what ours says; a server may add to it.
fn says_the_same(ours: &Session, theirs: &Session) -> bool {
    let content = |session: &Session| {
        let Session { name, description, start_time_millis, end_time_millis, active_time_millis, .. } = session.clone();
        let description = description.unwrap_or_default();
        (name, description, start_time_millis, end_time_millis, active_time_millis, session.activity_type)
    };
    content(ours) == content(theirs)
}

/// The session that another memory of ours put for the same workout under another id, if there is one.
pub fn same_workout<'a>(ours: &Session, theirs: impl Iterator<Item = &'a Session>) -> Option<&'a Session> {
    nearest(ours, theirs, |application| application == Some(APPLICATION))
}

/// The session that another application put for the same workout, if there is one.
pub fn twin<'a>(ours: &Session, theirs: impl Iterator<Item = &'a Session>) -> Option<&'a Session> {
    nearest(ours, theirs, |application| application != Some(APPLICATION))
}

fn nearest<'a>(
    ours: &Session,
    theirs: impl Iterator<Item = &'a Session>,
    is_by: impl Fn(Option<&str>) -> bool,
) -> Option<&'a Session> {
    // Thousands of ours are each held against thousands of theirs: what costs next to nothing goes first.
    let theirs = theirs.filter(|theirs| merge::start_near(theirs.start_time_millis, ours.start_time_millis));
    let theirs = theirs
        .filter(|theirs| theirs.id != ours.id)
        .filter(|theirs| is_by(theirs.application.as_ref().and_then(|application| application.name.as_deref())));
    // Those without sensible times are nobody's twin.
    let (others, outlines): (Vec<_>, Vec<_>) = theirs.filter_map(|theirs| Some((theirs, theirs.outline()?))).unzip();
    Some(others[merge::nearest(&ours.outline()?, &outlines)?])
}
