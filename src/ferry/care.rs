//! Once a day, what nobody needs any more is forgotten: all else that a memory keeps grows with the history alone.

use crate::events;
use crate::intake::{self, Compacting, Person};
use crate::store::{Error, Store};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::watch;

/// How often. A command that ends by itself does it each time.
const PAUSE: Duration = Duration::from_secs(86_400);

/// Until it is stopped.
pub async fn run(store: Store, person: Person, mut stopped: watch::Receiver<bool>) {
    loop {
        match compact(&store, &person, &stopped).await {
            Ok(0) => {}
            Ok(forgotten) => events::store_compacted(&person.name, forgotten),
            // Tomorrow is another day. What is wrong shows where more depends on it.
            Err(error) => store.suspect(&error),
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// In many small transactions, so that nobody waits for it.
async fn compact(store: &Store, person: &Person, stopped: &watch::Receiver<bool>) -> Result<usize, Error> {
    let (mut pass, mut is_done) = (Compacting::default(), false);
    while !is_done && !*stopped.borrow() {
        let writer = person.clone();
        (pass, is_done) = store
            .call(move |connection| {
                let is_done = intake::compact(connection, &writer, &mut pass, Timestamp::now())?;
                Ok((pass, is_done))
            })
            .await?;
    }
    Ok(pass.forgotten)
}
