//! The words of a trace, short enough to be read.

use super::disk::Job;
use fitferry::destination::Listing;
use fitferry::store::outbox::{Due, Verdict};
use fitferry::sync::courier::{Event, News};

pub fn due(due: &Due) -> String {
    let Due { row, session_id, revision, attempts, .. } = due;
    format!("{row}={session_id}@{revision} tried {attempts}")
}

pub fn event(event: &Event) -> String {
    match event {
        Event::Fetched(fetched) => {
            let rows: Vec<i64> = fetched.due.iter().map(|due| due.row).collect();
            format!("Fetched {rows:?}, more {}, next {:?}", fetched.more, fetched.next)
        }
        Event::Answered { due: of, result, .. } => format!("Answered {} {result:?}", due(of)),
        Event::Recorded { news, .. } => match news {
            News::Delivered { due: of } => format!("Recorded {} delivered", due(of)),
            News::Retrying { due: of, next, pause, .. } => format!("Recorded {} again at {next}, {pause:?}", due(of)),
            News::Parked { due: of, .. } => format!("Recorded {} parked", due(of)),
        },
        other => format!("{other:?}"),
    }
}

pub fn listing(listing: &Listing) -> String {
    let sessions: Vec<String> =
        listing.sessions.iter().map(|session| format!("{} {:?}", session.id, session.name)).collect();
    format!("{sessions:?}, deleted {:?}, next {:?}", listing.deleted, listing.next)
}

pub fn job(job: &Job) -> String {
    match job {
        Job::Record { due: of, verdict, .. } => match verdict {
            Verdict::Delivered(_) => format!("Record {} delivered", due(of)),
            other => format!("Record {} {other:?}", due(of)),
        },
        other => format!("{other:?}"),
    }
}
