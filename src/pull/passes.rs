//! The passes of a pull: what the source lists and the target lacks is taken, until there is no such thing.

use super::agreed::Agreed;
use super::bookmark::{Bookmark, Deal, Place};
use super::embedded::Embedded;
use super::json_lines::JsonLines;
use super::known::{Known, Standing};
use super::listed::{Digest, Listed};
use super::listing::{Listing, Step};
use super::peer::Peer;
use super::{Error, Refused, Summary, Tell, Told};
use crate::crash;
use jiff::Timestamp;
use std::collections::HashSet;
use std::path::Path;

/// Passes over everything until a source that changes all the time is given up.
const MOST_PASSES: u32 = 6;

/// Google refuses lists of more than 10,000 sessions. A server that cut them short without a word would probably do so at
/// no smaller number than this.
const MOST_BELIEVED: usize = 1000;

/// Sessions that are named, of those that were refused or would not stay the same.
const MOST_NAMED: usize = 50;

/// Where the sessions go.
pub enum Target {
    File(JsonLines),
    Server(Embedded),
}

impl Target {
    async fn known(&mut self) -> Result<Known, Error> {
        match self {
            Self::File(file) => file.known(),
            Self::Server(server) => server.known().await,
        }
    }

    async fn take(&mut self, sessions: &[Listed]) -> Result<Vec<Refused>, Error> {
        match self {
            Self::File(file) => file.take(sessions),
            Self::Server(server) => server.take(sessions).await,
        }
    }

    /// What the target keeps of a session.
    fn content(&self, session: &Listed) -> Digest {
        match self {
            Self::File(_) => session.content(),
            Self::Server(_) => session.kept_content(),
        }
    }

    /// The bytes of the file that are durable now, if it is one.
    fn sync(&self) -> Result<Option<u64>, Error> {
        match self {
            Self::File(file) => file.sync().map(Some),
            Self::Server(_) => Ok(None),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::File(file) => file.path().display().to_string(),
            Self::Server(_) => "embedded".to_owned(),
        }
    }

    /// Stops what was started for it.
    pub fn close(self) {
        if let Self::Server(server) = self {
            server.close();
        }
    }
}

/// A pull between its two sides.
pub struct Pull {
    pub source: Peer,
    pub target: Target,
    pub bookmark: Bookmark,
    pub tell: Tell,
    pub from: Timestamp,
    pub to: Timestamp,
    /// By which an edit in the target is known, where there may be any.
    pub agreed: Option<Agreed>,
}

/// What one pass did.
#[derive(Default)]
struct Pass {
    known: Known,
    taken: u64,
    /// What was taken, the first of it.
    names: Vec<String>,
    /// Sessions that somebody edited in the target, and the first of them.
    edited: HashSet<Digest>,
    edited_names: Vec<String>,
    refused: HashSet<Digest>,
    refusals: Vec<Refused>,
}

impl Pull {
    /// Passes until one over everything finds nothing to take.
    pub async fn run(&mut self) -> Result<Summary, Error> {
        let reached = self.bookmark.place.and_then(|place| place.until);
        let mut begin = reached.filter(|until| (self.from..self.to).contains(until)).unwrap_or(self.from);
        let (mut number, mut taken) = (1, 0);
        loop {
            let pass = self.pass(number, begin).await?;
            taken += pass.taken;
            let is_verified = begin == self.from && pass.taken == 0;
            if is_verified || number == MOST_PASSES {
                return self.finish(pass, is_verified, taken);
            }
            (begin, number) = (self.from, number + 1);
        }
    }

    async fn pass(&mut self, number: u32, begin: Timestamp) -> Result<Pass, Error> {
        let mut pass = Pass { known: self.target.known().await?, ..Pass::default() };
        let mut listing = Listing::new(&self.source, begin, self.to, MOST_BELIEVED);
        let mut reached = begin;
        while let Some(step) = listing.next().await? {
            match step {
                Step::Page(sessions) => {
                    let lacking = pass.lacking(&self.target, self.agreed.as_mut(), sessions);
                    if !lacking.is_empty() {
                        if self.bookmark.place.is_none() {
                            // A file must not grow before it is written down how much of it is good.
                            mark(&mut self.bookmark, &self.target, reached)?;
                        }
                        crash::point("pull.taking");
                        let refused = self.target.take(&lacking).await?;
                        crash::point("pull.taken");
                        pass.took(&self.target, self.agreed.as_mut(), &lacking, refused);
                    }
                }
                Step::Until(until) => {
                    reached = until;
                    // As long as there was nothing to take, there is nothing to continue.
                    if self.bookmark.place.is_some() {
                        mark(&mut self.bookmark, &self.target, reached)?;
                    }
                    let sessions = pass.known.listed();
                    (self.tell)(Told::At { pass: number, until, sessions });
                }
            }
        }
        Ok(pass)
    }

    fn finish(&mut self, pass: Pass, verified: bool, taken: u64) -> Result<Summary, Error> {
        let mut others = None;
        let mut refused_file = None;
        match &mut self.target {
            Target::File(file) => {
                others = Some(pass.known.others());
                if file.is_untidy() {
                    // A shorter file takes its place, which is good as a whole.
                    self.bookmark.put(Place { until: Some(self.to), bytes: None })?;
                    file.tidy()?;
                }
            }
            Target::Server(server) => refused_file = server.settle_refusals()?.map(Path::to_path_buf),
        }
        if verified {
            self.agreed.iter_mut().try_for_each(Agreed::save)?;
            self.bookmark.remove()?;
        }
        let Deal { source, account, .. } = self.bookmark.deal.clone();
        Ok(Summary {
            account,
            source,
            target: self.target.name(),
            from: self.from,
            to: self.to,
            sessions: pass.known.listed(),
            taken,
            verified,
            refused: u64::try_from(pass.refused.len()).unwrap_or(u64::MAX),
            refusals: pass.refusals,
            refused_file,
            edited: u64::try_from(pass.edited.len()).unwrap_or(u64::MAX),
            edited_sessions: pass.edited_names,
            differing: if verified { Vec::new() } else { pass.names },
            others,
        })
    }
}

/// Writes down that everything until then is in the target. Later passes, which begin anew, do not take that back.
fn mark(bookmark: &mut Bookmark, target: &Target, until: Timestamp) -> Result<(), Error> {
    let until = bookmark.place.and_then(|place| place.until).max(Some(until));
    let bytes = target.sync()?;
    crash::point("pull.synced");
    bookmark.put(Place { until, bytes })
}

impl Pass {
    /// The sessions of a page that the target does not have as they are.
    fn lacking(&mut self, target: &Target, mut agreed: Option<&mut Agreed>, mut sessions: Vec<Listed>) -> Vec<Listed> {
        let mut asked = HashSet::new();
        sessions.retain(|session| {
            let (key, content) = (session.key, target.content(session));
            let before = agreed.as_ref().and_then(|agreed| agreed.content(key));
            match self.known.standing(session, content, before) {
                Standing::Same => {
                    agreed.iter_mut().for_each(|agreed| agreed.set(key, content));
                    false
                }
                Standing::Edited => {
                    self.keep(session);
                    false
                }
                Standing::Lacking => !self.refused.contains(&key) && asked.insert(key),
            }
        });
        sessions
    }

    /// Notes that somebody edited a session in the target.
    fn keep(&mut self, session: &Listed) {
        if self.edited.insert(session.key) && self.edited_names.len() < MOST_NAMED {
            self.edited_names.push(session.name().to_owned());
        }
    }

    fn took(&mut self, target: &Target, mut agreed: Option<&mut Agreed>, sessions: &[Listed], refused: Vec<Refused>) {
        self.refused.extend(refused.iter().map(|refused| refused.key));
        let room = MOST_NAMED.saturating_sub(self.refusals.len());
        self.refusals.extend(refused.into_iter().take(room));
        for session in sessions.iter().filter(|session| !self.refused.contains(&session.key)) {
            let content = target.content(session);
            self.known.took(session.key, content);
            agreed.iter_mut().for_each(|agreed| agreed.set(session.key, content));
            self.taken += 1;
            if self.names.len() < MOST_NAMED {
                self.names.push(session.name().to_owned());
            }
        }
    }
}
