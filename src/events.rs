//! The catalogue of log events: one function per event, with its stable name, level and fields. Nothing else logs.
//!
//! Every change of state is one event at info or above. Names and fields are an interface: people alert on them.

use crate::escape;
use jiff::Timestamp;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use tracing::{debug, error, info, warn};

// The daemon.

pub fn daemon_starting(version: &str, state_dir: &Path, config: Option<&Path>) {
    let config = config.map(escape::path).unwrap_or_else(|| "none".to_owned());
    info!(event = "daemon.starting", version, state_dir = escape::path(state_dir), config, "starting");
}

pub fn daemon_ready() {
    info!(event = "daemon.ready", "ready");
}

pub fn daemon_stopping(signal: &str) {
    info!(event = "daemon.stopping", signal, "stopping");
}

pub fn daemon_stopped() {
    info!(event = "daemon.stopped", "stopped");
}

pub fn store_failed(what: &str, error: &impl Display) {
    error!(event = "store.failed", what, %error, "the store failed; it is tried again");
}

pub fn store_works(what: &str) {
    info!(event = "store.works", what, "the store works again");
}

pub fn store_damaged(error: &impl Display) {
    error!(event = "store.damaged", %error, "the memory is damaged: ending, so that the next start makes it anew");
}

pub fn store_set_aside(file: &Path, aside: &Path, reason: &str) {
    error!(
        event = "store.set_aside",
        file = escape::path(file),
        aside = escape::path(aside),
        reason,
        "the memory was damaged and is set aside; a new one is made from folders and server, so nothing is lost. Is the disk sound?"
    );
}

pub fn store_is_copy() {
    warn!(
        event = "store.copy",
        "this memory is not the one that was used last; the server is asked before anything is sent"
    );
}

pub fn control_failed(error: &impl Display) {
    warn!(event = "control.failed", %error, "a command could not be served");
}

// The embedded server.

pub fn server_ready(address: SocketAddr, token_file: &Path) {
    info!(event = "server.ready", %address, token_file = escape::path(token_file), "serving the sessions API");
}

pub fn server_elsewhere(address: SocketAddr) {
    info!(event = "server.elsewhere", %address, "another process serves the sessions; delivering to it");
}

pub fn server_failed(error: &impl Display) {
    error!(event = "server.failed", %error, "the embedded server ended");
}

pub fn server_store_failed(work: &str, error: &impl Display) {
    error!(event = "server.store_failed", work, %error, "the server's database fails; clients are told to try again");
}

pub fn server_store_works(work: &str) {
    info!(event = "server.store_works", work, "the server's database works again");
}

pub fn server_fault(error: &impl Display) {
    error!(event = "server.fault", %error, "a mistake in the server; the client was told that it is not its own");
}

// Folders.

/// `mode` is "events" or "polling", and `reason` why it is not "events"; `every` is the time between scans, seconds.
pub fn folder_watched(account: &str, folder: &Path, mode: &str, reason: Option<&str>, every: u64) {
    info!(event = "folder.watched", account, folder = escape::path(folder), mode, reason, every, "watching");
}

pub fn folder_unwatchable(account: &str, folder: &Path, error: &impl Display, hint: &str) {
    warn!(event = "folder.unwatchable", account, folder = escape::path(folder), %error, hint, "no events; the folder is polled");
}

pub fn folder_away(account: &str, folder: &Path, error: &impl Display) {
    warn!(event = "folder.away", account, folder = escape::path(folder), %error, "the folder cannot be read; its sessions stay");
}

pub fn folder_back(account: &str, folder: &Path) {
    info!(event = "folder.back", account, folder = escape::path(folder), "the folder can be read again");
}

/// `seconds` is for how long nothing is heard.
pub fn folder_stuck(account: &str, folder: &Path, path: &Path, seconds: u64) {
    warn!(
        event = "folder.stuck",
        account,
        folder = escape::path(folder),
        path = escape::path(path),
        seconds,
        "the folder does not answer; other folders are not held up. Is its server there?"
    );
}

pub fn folder_slow(account: &str, folder: &Path, seconds: u64) {
    warn!(
        event = "folder.slow",
        account,
        folder = escape::path(folder),
        seconds,
        "the folder is not looked through yet; what is queued so far is delivered meanwhile"
    );
}

pub fn folder_answers(account: &str, folder: &Path) {
    info!(event = "folder.answers", account, folder = escape::path(folder), "the folder answers again");
}

pub fn folder_unreadable(account: &str, folder: &Path, error: &impl Display) {
    warn!(event = "folder.unreadable", account, folder = escape::path(folder), %error, "a folder inside cannot be read; it is tried again");
}

pub fn folder_doubted(account: &str, folder: &Path, missed: usize, reason: &str) {
    warn!(
        event = "folder.doubted",
        account,
        folder = escape::path(folder),
        missed,
        reason,
        "files are gone, and their sessions stay: put them back, or confirm with \"fitferry files forget\""
    );
}

pub fn folder_move_failed(account: &str, folder: &Path, file: &Path, error: &impl Display, hint: &str) {
    warn!(
        event = "folder.move_failed",
        account,
        folder = escape::path(folder),
        path = escape::path(file),
        %error,
        hint,
        "files that are done with stay where they are; it is tried again"
    );
}

pub fn folder_rescan(reason: &str) {
    warn!(event = "folder.rescan", reason, "events were lost; scanning");
}

pub fn scan_done(account: &str, folder: &Path, files: u64, candidates: u64, millis: u128) {
    debug!(event = "scan.done", account, folder = escape::path(folder), files, candidates, millis, "scanned");
}

// Files.

pub fn file_queued(account: &str, file: &Path, sessions: usize, changed: usize, reason: Option<&str>) {
    info!(event = "file.queued", account, file = escape::path(file), sessions, changed, reason, "sessions queued");
}

pub fn file_known(account: &str, file: &Path, sessions: usize) {
    info!(event = "file.known", account, file = escape::path(file), sessions, "nothing new");
}

pub fn file_no_session(account: &str, file: &Path, reason: &str) {
    info!(event = "file.no_session", account, file = escape::path(file), reason, "no session");
}

pub fn file_rejected(account: &str, file: &Path, reason: &str) {
    warn!(event = "file.rejected", account, file = escape::path(file), reason, "rejected; a mended copy will be read");
}

/// Somebody may write to it all the time: then only the first is for everybody.
pub fn file_waiting(account: &str, file: &Path, reason: &str, is_news: bool) {
    if is_news {
        info!(event = "file.waiting", account, file = escape::path(file), reason, "waiting");
    } else {
        debug!(event = "file.waiting", account, file = escape::path(file), reason, "still waiting");
    }
}

/// As [`file_waiting`].
pub fn file_ignored(account: &str, file: &Path, reason: &str, is_news: bool) {
    if is_news {
        info!(event = "file.ignored", account, file = escape::path(file), reason, "ignored");
    } else {
        debug!(event = "file.ignored", account, file = escape::path(file), reason, "still ignored");
    }
}

pub fn file_unreadable(account: &str, file: &Path, error: &impl Display) {
    warn!(event = "file.unreadable", account, file = escape::path(file), %error, "cannot be read; it is tried again");
}

pub fn file_moved(account: &str, from: &Path, to: &Path) {
    info!(event = "file.moved", account, from = escape::path(from), to = escape::path(to), "done with, and moved");
}

pub fn file_stays(account: &str, file: &Path, copy: &Path) {
    debug!(
        event = "file.stays",
        account,
        file = escape::path(file),
        copy = escape::path(copy),
        "done with, and not moved, as the same is in place already"
    );
}

pub fn file_missed(account: &str, file: &Path, seconds: u64) {
    info!(
        event = "file.missed",
        account,
        file = escape::path(file),
        seconds,
        "gone; its sessions are deleted unless it comes back"
    );
}

pub fn file_back(account: &str, file: &Path) {
    info!(event = "file.back", account, file = escape::path(file), "there again; its sessions stay");
}

pub fn file_forgotten(account: &str, file: &Path, deleted: usize) {
    info!(
        event = "file.forgotten",
        account,
        file = escape::path(file),
        deleted,
        "gone for good; sessions that no other file tells of are deleted"
    );
}

// Sessions.

pub fn session_delivered(account: &str, session: &str, revision: i64, attempts: u32) {
    info!(event = "session.delivered", account, session, revision, attempts, "delivered");
}

pub fn session_deleted(account: &str, session: &str, attempts: u32) {
    info!(event = "session.deleted", account, session, attempts, "deleted from the server");
}

pub fn session_retry(account: &str, session: &str, attempts: u32, seconds: u64, reason: &str) {
    info!(event = "session.retry", account, session, attempts, seconds, reason, "not delivered; trying again");
}

pub fn session_parked(account: &str, session: &str, reason: &str) {
    warn!(event = "session.parked", account, session, reason, "parked: it needs a person");
}

pub fn session_missing(account: &str, session: &str, remedy: &str) {
    warn!(event = "session.missing", account, session, remedy, "gone from the server");
}

pub fn session_deleted_there(account: &str, session: &str, remedy: &str) {
    warn!(event = "session.deleted_there", account, session, remedy, "somebody deleted it on the server");
}

pub fn session_edited_there(account: &str, session: &str, remedy: &str) {
    warn!(event = "session.edited_there", account, session, remedy, "somebody changed it on the server");
}

pub fn session_unwanted(account: &str, session: &str, remedy: &str) {
    warn!(event = "session.unwanted", account, session, remedy, "still on the server");
}

pub fn sessions_hastened(account: &str, sessions: usize) {
    info!(event = "sessions.hastened", account, sessions, "somebody wants them tried again now");
}

pub fn sessions_rederived(account: &str, sessions: usize, changed: usize) {
    info!(event = "sessions.rederived", account, sessions, changed, "made anew by the settings of today");
}

pub fn session_discarded(account: &str, session: &str, revision: i64) {
    warn!(event = "session.discarded", account, session, revision, "somebody decided that it is not to be sent");
}

// Accounts.

pub fn account_stopped(account: &str, reason: &str, seconds: u64) {
    error!(event = "account.stopped", account, reason, seconds, "deliveries stop; the queue is kept, and tried again");
}

pub fn account_paused(account: &str, reason: &str, seconds: u64) {
    warn!(event = "account.paused", account, reason, seconds, "deliveries pause; the queue is kept");
}

pub fn account_budget_spent(account: &str, requests: u64, until: Timestamp) {
    warn!(
        event = "account.budget_spent",
        account,
        requests,
        %until,
        "the requests of the day are used up (delivery.daily); nothing is asked until then"
    );
}

pub fn account_resumed(account: &str) {
    info!(event = "account.resumed", account, "deliveries go on");
}

pub fn reconcile_done(account: &str, compared: usize, missing: usize, edited: usize, deleted: usize, left: usize) {
    info!(event = "reconcile.done", account, compared, missing, edited, deleted, left, "compared with the server");
}

pub fn reconcile_mass(account: &str, left: usize, compared: usize) {
    error!(
        event = "reconcile.mass",
        account, left, compared, "too many sessions differ from the server; look, then run: fitferry reconcile"
    );
}

pub fn survey_done(account: &str, adopted: usize, queued: usize, twins: usize) {
    info!(event = "survey.done", account, adopted, queued, twins, "looked what the server has before sending");
}

pub fn reconcile_failed(account: &str, reason: &str, seconds: u64) {
    warn!(event = "reconcile.failed", account, reason, seconds, "could not compare; trying again");
}

// Pulling.

pub fn pull_waiting(account: &str, server: &str, seconds: u64, reason: &str) {
    warn!(event = "pull.waiting", account, server, seconds, reason, "the server fails; it is asked again");
}

// The disk.

/// `free` and `limit` are bytes.
pub fn disk_low(path: &Path, free: u64, limit: u64) {
    warn!(
        event = "disk.low",
        path = escape::path(path),
        free,
        limit,
        "little room: new files wait until there is more, what is queued goes out; make room"
    );
}

pub fn disk_ok(path: &Path, free: u64, limit: u64) {
    info!(event = "disk.ok", path = escape::path(path), free, limit, "there is room again: files are taken in");
}

pub fn store_compacted(account: &str, records: usize) {
    info!(
        event = "store.compacted",
        account, records, "forgot what files told that are long gone, as others tell it since"
    );
}
