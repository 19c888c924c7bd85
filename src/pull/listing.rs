//! Lists everything that a server has of a span of time, page by page, however it cuts its lists.

use super::Error;
use super::listed::{Digest, Listed};
use super::peer::Peer;
use super::windows::Walk;
use crate::api::Page;
use crate::destination::Window;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;

/// Windows are asked for with a little on both sides: whether a session that ends on the second belongs to one, both or
/// none of two neighbours is told nowhere.
const PAD: SignedDuration = SignedDuration::from_secs(1);

/// Pages of one window; a server that has more of them makes them up.
const MOST_PAGES: usize = 1000;

/// A walk over a server's sessions. Some come several times: those at the edges of windows, and those of windows that
/// turned out to be too long.
pub struct Listing<'a> {
    peer: &'a Peer,
    walk: Walk,
    /// Half read.
    open: Option<Open>,
}

pub enum Step {
    Page(Vec<Listed>),
    /// Everything until here was listed.
    Until(Timestamp),
}

struct Open {
    window: Window,
    pages: usize,
    /// What it held so far.
    keys: HashSet<Digest>,
    /// When those of them ended that are its own.
    ends: Vec<Timestamp>,
    /// With which the next page is asked for; none if this was the last.
    next: Option<String>,
}

impl<'a> Listing<'a> {
    /// No window with more sessions than `most` is believed to be whole.
    pub fn new(peer: &'a Peer, from: Timestamp, to: Timestamp, most: usize) -> Self {
        Self { peer, walk: Walk::new(from, to, most), open: None }
    }

    /// Nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Step>, Error> {
        loop {
            let mut open = match self.open.take() {
                Some(open) if open.next.is_some() && !self.walk.is_too_many(open.ends.len()) => open,
                Some(mut open) => match self.walk.listed(&mut open.ends) {
                    Some(until) => return Ok(Some(Step::Until(until))),
                    None => continue,
                },
                None => match self.walk.window() {
                    Some(window) => Open { window, pages: 0, keys: HashSet::new(), ends: Vec::new(), next: None },
                    None => return Ok(None),
                },
            };
            let page = match self.peer.page(padded(open.window), open.next.as_deref()).await? {
                Ok(_) if open.pages == MOST_PAGES => Err(format!("more than {MOST_PAGES} pages")),
                page => page,
            };
            match page {
                Ok(page) => {
                    let sessions = open.read(page);
                    self.open = Some(open);
                    return Ok(Some(Step::Page(sessions)));
                }
                Err(_) if self.walk.refused() => {}
                Err(reason) => {
                    let (server, window) = (self.peer.name().to_owned(), open.window);
                    return Err(Error::Unlistable { server, window, reason });
                }
            }
        }
    }
}

impl Open {
    fn read(&mut self, page: Page) -> Vec<Listed> {
        let sessions: Vec<Listed> = page.sessions.iter().map(|raw| Listed::new(raw.get())).collect();
        let mut is_news = false;
        for session in &sessions {
            if self.keys.insert(session.key) {
                is_news = true;
                self.ends.extend(session.end_within(self.window));
            }
        }
        self.pages += 1;
        // A token is also given when nothing more waits, and by servers that ignore it beside a window.
        self.next = page.next.filter(|next| is_news && !next.is_empty() && self.next.as_ref() != Some(next));
        sessions
    }
}

fn padded(window: Window) -> Window {
    Window {
        start: window.start.saturating_sub(PAD).unwrap_or(Timestamp::MIN),
        end: window.end.saturating_add(PAD).unwrap_or(Timestamp::MAX),
    }
}
