//! Follows the destination's list of changes, if it has one: only that tells what was deleted from what was lost.

use super::settle::{self, Report, Rules};
use super::{PATIENCE, Question, Reconciler, Surroundings};
use crate::crash;
use crate::destination::Failure;
use crate::store::accounts;
use std::collections::HashSet;
use std::sync::Arc;

/// Pages of changes that are read in one go; a server that always has another one is not followed for ever.
const MOST_PAGES: usize = 1000;

/// What came of the destination's list of changes.
#[derive(PartialEq, Eq)]
pub enum Feed {
    /// There is none.
    None,
    /// It may be there: it was refused in these words.
    Refused(String),
    Read,
    /// Not to its end: so much has changed that a person has to look.
    Left,
}

impl<S: Surroundings> Reconciler<S> {
    /// Follows the destination's list of changes.
    pub(super) async fn changes(&mut self, rules: &Rules, report: &mut Report) -> Result<Feed, Failure> {
        let account = self.account;
        let mut feed = self.call(move |c| accounts::feed(c, account)).await?;
        // A server that leads in a circle has told everything.
        let mut tokens = HashSet::new();
        let (mut is_kept, mut was_empty) = (false, false);
        for _ in 0..MOST_PAGES {
            let deliveries = self.call(move |c| accounts::deliveries(c, account)).await?;
            let mut listing = self.ask(Question::Changes(feed.clone())).await;
            if matches!(listing, Err(Failure::Park { .. })) && feed.is_some() {
                // The token means nothing any more: what is still known of the past has to do. Windows alone would take what
                // was deleted for lost.
                feed = None;
                listing = self.ask(Question::Changes(None)).await;
            }
            let listing = match listing {
                Err(Failure::Park { reason }) => return Ok(self.refused(reason)),
                listing => listing?,
            };
            self.refused = None;
            let Some(next) = listing.next.clone() else { return Ok(Feed::None) };
            tokens.extend(feed.clone());
            // A page may be empty because what it told of is gone without a word.
            let is_empty = listing.sessions.is_empty() && listing.deleted.is_empty();
            let is_last = is_empty && was_empty || tokens.contains(&next);
            was_empty = is_empty;
            let (rules, token, now) = (rules.clone(), next.clone(), self.around.now().wall);
            let (found, is_early) = self
                .call(move |c| {
                    let (found, is_early) = settle::changes(c, account, deliveries, &listing, &rules, now)?;
                    crash::point("reconcile.following");
                    // What is left for a person, or for later, is not forgotten: it is read again.
                    if found.left == 0 && !is_early && !is_kept {
                        accounts::set_feed(c, account, Some(&token))?;
                    }
                    Ok((found, is_early))
                })
                .await?;
            is_kept |= is_early;
            let is_stuck = found.left > 0;
            self.tell(&found);
            report.add(found);
            if is_stuck {
                return Ok(Feed::Left);
            }
            if is_last {
                return Ok(Feed::Read);
            }
            feed = Some(next);
        }
        Ok(Feed::Read)
    }

    /// The destination refuses its list of changes: it has none, or refuses everything for a while.
    fn refused(&mut self, reason: String) -> Feed {
        let now = self.around.now().steady;
        let since = *self.refused.get_or_insert(now);
        if now - since < PATIENCE { Feed::Refused(reason) } else { Feed::None }
    }

    /// What was deleted since the list of changes was followed last, which stays to be followed.
    pub(super) async fn deleted(&mut self) -> Result<Arc<HashSet<String>>, Failure> {
        let account = self.account;
        let mut feed = self.call(move |c| accounts::feed(c, account)).await?;
        let (mut deleted, mut was_empty) = (HashSet::new(), false);
        for _ in 0..MOST_PAGES {
            let listing = match self.ask(Question::Changes(feed.clone())).await {
                Err(Failure::Park { .. }) => break,
                listing => listing?,
            };
            let is_empty = listing.sessions.is_empty() && listing.deleted.is_empty();
            let is_last = is_empty && was_empty || feed == listing.next;
            was_empty = is_empty;
            deleted.extend(listing.deleted);
            if is_last || listing.next.is_none() {
                break;
            }
            feed = listing.next;
        }
        Ok(Arc::new(deleted))
    }
}
