//! How much memory long answers may take together, whoever asks for them and however slowly they are read.

use axum::body::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes for all long answers: two of the longest on their way, and one that is being built.
const BUDGET: usize = 160 << 20;

/// What building takes at most, as a multiple of the longest text: its parsed form is hardly longer than a long text, and
/// beside it there is either the text or what is sent.
const BUILDING: usize = 3;

/// The same of a text that is known: the parsed form of small sessions is much larger than they are.
const PARSED: usize = 16;

/// More than any answer has, and than glibc ever keeps for later (32 MiB): such a piece is only used as far as it is written,
/// and given back at once. Buffers that grew piece by piece left 300 MiB behind, as each thread keeps its own (measured).
const BUFFER: usize = 40 << 20;

/// Memory for long answers, in bytes; cheap to clone. Short ones go free.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

/// Some of it, for one answer; given back when dropped.
pub struct Share(OwnedSemaphorePermit);

impl Budget {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET)))
    }

    /// Waits, in turn, until an answer of at most so many bytes may be built.
    pub async fn share(&self, longest: usize) -> Option<Share> {
        let bytes = u32::try_from((BUILDING * longest).min(BUDGET)).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        Arc::clone(&self.0).acquire_many_owned(bytes).await.ok().map(Share)
    }
}

impl Share {
    /// For something that may be long.
    pub fn buffer(&self) -> String {
        String::with_capacity(BUFFER)
    }

    /// The text is there; what is left to do takes less if it is short.
    pub fn read(&mut self, text: &str) {
        self.keep(PARSED * text.len());
    }

    /// The body, which holds what it takes itself until it was sent or the client has gone.
    pub fn hold(mut self, mut body: Vec<u8>) -> Bytes {
        self.keep(body.len());
        // It may be a buffer.
        body.shrink_to_fit();
        Bytes::from_owner(Held { body, _share: self })
    }

    fn keep(&mut self, bytes: usize) {
        let spare = self.0.num_permits().saturating_sub(bytes);
        drop(self.0.split(spare));
    }
}

struct Held {
    body: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(budget: &Budget) -> usize {
        budget.0.available_permits()
    }

    #[tokio::test]
    async fn an_answer_holds_what_it_takes_until_it_is_gone() {
        let budget = Budget::new();
        let mut share = budget.share(1 << 20).await.unwrap();
        assert_eq!(BUDGET - free(&budget), BUILDING << 20);
        share.read("short");
        assert_eq!(BUDGET - free(&budget), 5 * PARSED);
        let mut body = share.hold(b"an answer".to_vec());
        assert_eq!(BUDGET - free(&budget), 9);
        let rest = body.split_off(3);
        drop(body);
        assert_eq!((&rest[..], BUDGET - free(&budget)), (&b"answer"[..], 9));
        drop(rest);
        assert_eq!(free(&budget), BUDGET);
    }

    #[tokio::test]
    async fn whoever_finds_too_little_waits() {
        let budget = Budget::new();
        let all = budget.share(BUDGET).await.unwrap();
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.share(1).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(all);
        assert!(waiting.await.unwrap());
    }
}
