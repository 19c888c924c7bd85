//! All that the log says: each event with its stable name, level and fields, when it fires, and what to do about it.
//! Nothing else logs.
//!
//! Every change of state is one event at info or above. Names and fields are an interface: people alert on them.

mod catalogue;

pub use catalogue::{Event, Field, Kind, Level};
use catalogue::{events, kind, log};

events! {
    // The daemon.

    /// The program begins to run as a daemon.
    ///
    /// Nothing. Again and again, without "daemon.stopping" between them, it crashes: look at what comes before each.
    Info daemon_starting = "daemon.starting" (version: Text, state_dir: Path, config: Maybe) "starting";

    /// It watches, delivers and answers.
    ///
    /// Nothing.
    Info daemon_ready = "daemon.ready" () "ready";

    /// It goes on with other settings, which a signal made it read.
    ///
    /// Nothing.
    Info daemon_reloaded = "daemon.reloaded" () "reloaded";

    /// Other settings were to be read, and are not good; it goes on with those of before.
    ///
    /// Mend what "error" says ("fitferry config check" finds mistakes in the file), then reload again.
    Error config_refused = "config.refused" (error: Error) "the new configuration is refused; the old one stays";

    /// After a reload that failed, what ran before it cannot be resumed; it is tried again each second, for half a minute.
    ///
    /// Nothing, as it should pass; if it does not, the service ends and says the same: then do what "error" says.
    Warn config_stuck = "config.stuck" (error: Error) "the configuration of before cannot be resumed; it is tried again";

    /// A signal asks it to end, or its memory was found to be damaged.
    ///
    /// Nothing.
    Info daemon_stopping = "daemon.stopping" (signal: Text) "stopping";

    /// What was in flight is settled, and the memory is closed.
    ///
    /// Nothing.
    Info daemon_stopped = "daemon.stopped" () "stopped";

    /// A write or a look into the memory failed, most often because the disk is full.
    ///
    /// Make room on the disk of the state directory, or look at the disk; it goes on by itself.
    Error store_failed = "store.failed" (what: Text, error: Error) "the store failed; it is tried again";

    /// The same works again.
    ///
    /// Nothing.
    Info store_works = "store.works" (what: Text) "the store works again";

    /// The database of the memory turned out to be damaged.
    ///
    /// Look at the disk. The service manager starts it again, and it makes a new memory.
    Error store_damaged = "store.damaged" (error: Error) "the memory is damaged: ending, so that the next start makes it anew";

    /// A damaged memory was renamed at a start, and a new one is made.
    ///
    /// Look at the disk. The file that was set aside may be removed once all is well.
    Error store_set_aside = "store.set_aside" (file: Path, aside: Path, reason: Text) "the memory was damaged and is set aside; a new one is made from folders and server, so nothing is lost. Is the disk sound?";

    /// The memory is an older state of itself, or a copy: a backup was restored, or a disk was copied.
    ///
    /// Nothing.
    Warn store_is_copy = "store.copy" () "this memory is not the one that was used last; the server is asked before anything is sent";

    /// The service manager does not hear that it is ready, alive, or what it does; told once, until it does again.
    ///
    /// Nothing, unless the service manager ends the service for its silence: then do what "error" says, or restart it.
    Warn notify_failed = "notify.failed" (error: Error) "the service manager cannot be told how it goes";

    /// A command could not be served by the daemon.
    ///
    /// Give the command again; if it stays so, look at the error.
    Warn control_failed = "control.failed" (error: Error) "a command could not be served";

    // The embedded server.

    /// The embedded server answers at this address.
    ///
    /// Nothing. The token for its clients is in that file.
    Info server_ready = "server.ready" (address: Address, token_file: Path) "serving the sessions API";

    /// Another process, "fitferry serve", serves this state directory already.
    ///
    /// Nothing.
    Info server_elsewhere = "server.elsewhere" (address: Address) "another process serves the sessions; delivering to it";

    /// The server's database cannot be written or read, most often because the disk is full.
    ///
    /// Make room on its disk, or look at the disk; it goes on by itself.
    Error server_store_failed = "server.store_failed" (work: Text, error: Error) "the server's database fails; clients are told to try again";

    /// The same works again.
    ///
    /// Nothing.
    Info server_store_works = "server.store_works" (work: Text) "the server's database works again";

    /// A request met a mistake in the server.
    ///
    /// Report it, with the error.
    Error server_fault = "server.fault" (error: Error) "a mistake in the server; the client was told that it is not its own";

    /// Whoever looks from outside is answered at this address.
    ///
    /// Nothing.
    Info monitor_ready = "monitor.ready" (address: Address) "serving /healthz and /metrics";

    // Folders.

    /// A folder is watched from now on, by "events" or by "polling"; "reason" says why not by events, "every" how often it is scanned.
    ///
    /// Nothing.
    Info folder_watched = "folder.watched" (account: Text, folder: Path, mode: Text, reason: Maybe, every: Seconds) "watching";

    /// The system gives no events for a folder, often because a limit is reached.
    ///
    /// Nothing, or what "hint" says for the sake of files that are noticed at once: the folder is scanned from time to time.
    Warn folder_unwatchable = "folder.unwatchable" (account: Text, folder: Path, error: Error, hint: Text) "no events; the folder is polled";

    /// A watched folder is not there, cannot be read, or lacks its sentinel file.
    ///
    /// Mount it, or make it readable; it is taken up again by itself.
    Warn folder_away = "folder.away" (account: Text, folder: Path, error: Error) "the folder cannot be read; its sessions stay";

    /// It is there again.
    ///
    /// Nothing.
    Info folder_back = "folder.back" (account: Text, folder: Path) "the folder can be read again";

    /// A look at a folder or file has not returned for so long.
    ///
    /// Look whether the server of that share runs; it is taken up again by itself. A start delivers nothing until this is told.
    Warn folder_stuck = "folder.stuck" (account: Text, folder: Path, path: Path, seconds: Seconds) "the folder does not answer; other folders are not held up any more. Is its server there?";

    /// The first look through a folder takes so long that deliveries begin without its end.
    ///
    /// Nothing.
    Warn folder_slow = "folder.slow" (account: Text, folder: Path, seconds: Seconds) "the folder is not looked through yet; what is queued so far is delivered meanwhile";

    /// A folder that was stuck goes on.
    ///
    /// Nothing.
    Info folder_answers = "folder.answers" (account: Text, folder: Path) "the folder answers again";

    /// A folder below a watched one cannot be read.
    ///
    /// Let the user that fitferry runs as read and enter it.
    Warn folder_unreadable = "folder.unreadable" (account: Text, folder: Path, error: Error) "a folder inside cannot be read; it is tried again";

    /// More files are gone than a person removes, or the folder is another one than it was.
    ///
    /// Put them back, or confirm with "fitferry files forget".
    Warn folder_doubted = "folder.doubted" (account: Text, folder: Path, missed: Count, reason: Text) "files are gone, and their sessions stay: put them back, or confirm with \"fitferry files forget\"";

    /// The time of grace of removed files is over, and another folder of the account was not looked through since, or not all of it.
    ///
    /// Nothing; if that lasts, see to the other folder, or take it out of the settings.
    Info folder_awaited = "folder.awaited" (account: Text, folder: Path, other: Path) "removed files keep their sessions until another folder was looked through: they may have been moved there";

    /// Files that are done with cannot be moved to where the folder's settings want them.
    ///
    /// Do what "hint" says; it is tried again.
    Warn folder_move_failed = "folder.move_failed" (account: Text, folder: Path, path: Path, error: Error, hint: Text) "files that are done with stay where they are; it is tried again";

    /// The system's queue of events ran over, or events stopped.
    ///
    /// Nothing, or what "hint" says.
    Warn folder_rescan = "folder.rescan" (account: Text, folder: Path, reason: Text, hint: Text) "events were lost; scanning";

    /// A folder was looked through: so many files, and so many that had to be looked into.
    ///
    /// Nothing.
    Debug scan_done = "scan.done" (account: Text, folder: Path, files: Total, candidates: Total, millis: Millis) "scanned";

    // Files.

    /// A file was read: it tells of so many sessions, and so many of them are new or changed.
    ///
    /// Nothing. "reason" says what was left out of it, if anything.
    Info file_queued = "file.queued" (account: Text, file: Path, sessions: Count, changed: Count, reason: Maybe) "sessions queued";

    /// A file was read, and tells nothing new.
    ///
    /// Nothing.
    Info file_known = "file.known" (account: Text, file: Path, sessions: Count) "nothing new";

    /// The same again, of a file that nothing new was in the last time.
    ///
    /// Nothing.
    Debug file_still_known = "file.known" (account: Text, file: Path, sessions: Count) "still nothing new";

    /// A file is sound and holds no workout: a route, a course, settings.
    ///
    /// Nothing.
    Info file_no_session = "file.no_session" (account: Text, file: Path, reason: Text) "no session";

    /// A file is damaged, or of a form that is not understood.
    ///
    /// Export it again, or see "fitferry explain FILE".
    Warn file_rejected = "file.rejected" (account: Text, file: Path, reason: Text) "rejected; a mended copy will be read";

    /// A file is not complete yet, or not believed yet.
    ///
    /// Nothing; if it stays so for hours, export it again.
    Info file_waiting = "file.waiting" (account: Text, file: Path, reason: Text) "waiting";

    /// The same again, of a file that somebody keeps writing to.
    ///
    /// Nothing.
    Debug file_still_waiting = "file.waiting" (account: Text, file: Path, reason: Text) "still waiting";

    /// A file is of no kind that fitferry reads.
    ///
    /// Nothing.
    Info file_ignored = "file.ignored" (account: Text, file: Path, reason: Text) "ignored";

    /// The same again, of a file that somebody keeps writing to.
    ///
    /// Nothing.
    Debug file_still_ignored = "file.ignored" (account: Text, file: Path, reason: Text) "still ignored";

    /// A file cannot be opened or read.
    ///
    /// Let the user that fitferry runs as read it; it is tried again.
    Warn file_unreadable = "file.unreadable" (account: Text, file: Path, error: Error) "cannot be read; it is tried again";

    /// A file that is done with was moved, as its folder's settings want it.
    ///
    /// Nothing.
    Info file_moved = "file.moved" (account: Text, from: Path, to: Path) "done with, and moved";

    /// A file that is done with was not moved, as the same is there already.
    ///
    /// Nothing; it may be removed.
    Debug file_stays = "file.stays" (account: Text, file: Path, copy: Path) "done with, and not moved, as the same is in place already";

    /// A file is gone, in a folder whose removed files lose their sessions after so long.
    ///
    /// Nothing, or put it back if that was a mistake.
    Info file_missed = "file.missed" (account: Text, file: Path, seconds: Seconds) "gone; its sessions are deleted unless it comes back";

    /// Files are gone from a folder, and others that are there tell of all their sessions: they were renamed, or were copies.
    ///
    /// Nothing.
    Info file_renamed = "file.renamed" (account: Text, folder: Path, files: Count) "gone, and others tell the same: no session is deleted";

    /// A file that was missed is there again.
    ///
    /// Nothing.
    Info file_back = "file.back" (account: Text, file: Path) "there again; its sessions stay";

    /// A file is gone for good, and so many sessions with it.
    ///
    /// Nothing. Should the file come back, so do they.
    Info file_forgotten = "file.forgotten" (account: Text, file: Path, deleted: Count) "gone for good; sessions that no other file tells of are deleted";

    /// The same of a file of whose sessions others tell.
    ///
    /// Nothing.
    Debug file_let_go = "file.forgotten" (account: Text, file: Path, deleted: Count) "gone for good; others tell of its sessions";

    // Sessions.

    /// The server has taken this revision of a session.
    ///
    /// Nothing.
    Info session_delivered = "session.delivered" (account: Text, session: Text, revision: Revision, attempts: Attempts) "delivered";

    /// The server has deleted a session that is not wanted any more.
    ///
    /// Nothing.
    Info session_deleted = "session.deleted" (account: Text, session: Text, attempts: Attempts) "deleted from the server";

    /// An attempt failed in a way that passes; the next one is after so long.
    ///
    /// Nothing, unless it goes on for hours: then look at the server and the network.
    Info session_retry = "session.retry" (account: Text, session: Text, attempts: Attempts, seconds: Seconds, reason: Text) "not delivered; trying again";

    /// The server refuses a session for good.
    ///
    /// See "fitferry outbox list" for what it said, then "outbox retry" or "outbox discard".
    Warn session_parked = "session.parked" (account: Text, session: Text, reason: Text) "parked: it needs a person";

    /// A session that was delivered is gone from the server.
    ///
    /// Nothing: "remedy" says what is done. Often: find out who deletes there.
    Warn session_missing = "session.missing" (account: Text, session: Text, remedy: Text) "gone from the server";

    /// Somebody deleted a session on the server.
    ///
    /// Nothing: "remedy" says what is done, and "reconcile.on_deleted" decides it.
    Warn session_deleted_there = "session.deleted_there" (account: Text, session: Text, remedy: Text) "somebody deleted it on the server";

    /// Somebody changed a session on the server.
    ///
    /// Nothing: "remedy" says what is done, and "reconcile.on_edited" decides it.
    Warn session_edited_there = "session.edited_there" (account: Text, session: Text, remedy: Text) "somebody changed it on the server";

    /// A session that was deleted is on the server still, or again.
    ///
    /// Nothing: "remedy" says what is done.
    Warn session_unwanted = "session.unwanted" (account: Text, session: Text, remedy: Text) "still on the server";

    /// A person asked for so many sessions to be tried again.
    ///
    /// Nothing.
    Info sessions_hastened = "sessions.hastened" (account: Text, sessions: Count) "somebody wants them tried again now";

    /// The settings have changed what sessions say: so many were looked at, and so many are other ones now.
    ///
    /// Nothing.
    Info sessions_rederived = "sessions.rederived" (account: Text, sessions: Count, changed: Count) "made anew by the settings of today";

    /// A person took a session out of the outbox.
    ///
    /// Nothing. "fitferry outbox retry ID" brings it back.
    Warn session_discarded = "session.discarded" (account: Text, session: Text, revision: Revision) "somebody decided that it is not to be sent";

    // Accounts.

    /// The server refuses the login, or the account as a whole.
    ///
    /// Give new credentials ("fitferry auth login", or the token file); the queue is kept, and goes on by itself.
    Error account_stopped = "account.stopped" (account: Text, reason: Text, seconds: Seconds) "deliveries stop; the queue is kept, and tried again";

    /// The server fails for everybody, or asks to be left alone for so long.
    ///
    /// Nothing, unless it goes on for hours: then look at the server and the network.
    Warn account_paused = "account.paused" (account: Text, reason: Text, seconds: Seconds) "deliveries pause; the queue is kept";

    /// The requests that a day allows are used up.
    ///
    /// Nothing, or raise "delivery.daily" if the server allows more.
    Warn account_budget_spent = "account.budget_spent" (account: Text, requests: Total, until: Time) "the requests of the day are used up (delivery.daily); nothing is asked until then";

    /// A stop or a pause is over.
    ///
    /// Nothing.
    Info account_resumed = "account.resumed" (account: Text) "deliveries go on";

    /// What the server has was compared with what should be there; "left" are for a person.
    ///
    /// Nothing, unless "left" is more than 0: see "reconcile.mass".
    Info reconcile_done = "reconcile.done" (account: Text, compared: Count, missing: Count, edited: Count, deleted: Count, left: Count) "compared with the server";

    /// So many sessions differ from the server that it is rather a mistake than somebody's will.
    ///
    /// Look with "fitferry reconcile --dry-run", then have it repaired with "fitferry reconcile".
    Error reconcile_mass = "reconcile.mass" (account: Text, left: Count, compared: Count) "too many sessions differ from the server; look, then run: fitferry reconcile";

    /// What waits was looked for on the server before it is sent: so many were there, so many are sent, so many are somebody else's copies.
    ///
    /// Nothing.
    Info survey_done = "survey.done" (account: Text, adopted: Count, queued: Count, twins: Count) "looked what the server has before sending";

    /// A comparison with the server failed.
    ///
    /// Nothing, unless it goes on for hours: then look at the server and the network.
    Warn reconcile_failed = "reconcile.failed" (account: Text, reason: Text, seconds: Seconds) "could not compare; trying again";

    /// The address that is to hear of each comparison cannot be reached, or does not want to hear of it.
    ///
    /// See whether "monitor.heartbeat" in the configuration's file is still right; it is asked for again after the next comparison.
    Warn heartbeat_failed = "heartbeat.failed" (error: Error) "nobody heard that all is well";

    // Pulling.

    /// A server fails while its history is pulled.
    ///
    /// Nothing: it is asked again after so long.
    Warn pull_waiting = "pull.waiting" (account: Text, server: Text, seconds: Seconds, reason: Text) "the server fails; it is asked again";

    // The disk.

    /// There is less room than "disk.pause_below" for the databases: new files wait.
    ///
    /// Make room on the disk of "path"; what waits is taken in by itself.
    Warn disk_low = "disk.low" (path: Path, free: Bytes, limit: Bytes) "little room: new files wait until there is more, what is queued goes out; make room";

    /// There is room again.
    ///
    /// Nothing.
    Info disk_ok = "disk.ok" (path: Path, free: Bytes, limit: Bytes) "there is room again: files are taken in";

    /// Records of files that are long gone went, as other files tell the same since.
    ///
    /// Nothing.
    Info store_compacted = "store.compacted" (account: Text, records: Count) "forgot what files told that are long gone, as others tell it since";
}
