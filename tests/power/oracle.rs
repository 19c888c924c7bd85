//! Whether a state directory, as a power cut left it, holds all that was promised, and nothing that was never so.

use super::disk::{self, Image, Variant};
use super::promises::Owed;
use super::recording::Recording;
use fitferry::sqlite::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be used as it is.
    Damaged(String),
    /// Something that was promised is not there.
    Lost(String),
    /// Something is there that never was so, or two things that exclude each other.
    Untrue(String),
}

macro_rules! ensure {
    ($kind:ident, $condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(Flaw::$kind(format!($($words)+)));
        }
    };
}

/// Looks at images one after the other.
#[derive(Default)]
pub struct Oracle {
    /// What was read last; most images differ from the one before in one database only.
    servers: BTreeMap<Variant, Reading<Server>>,
    memories: BTreeMap<Variant, Reading<Memory>>,
}

/// The files of a database, and what is in them.
struct Reading<T> {
    files: Image,
    content: T,
}

impl Oracle {
    pub fn check(&mut self, image: &Image, variant: Variant, recording: &Recording, owed: &Owed) -> Result<(), Flaw> {
        let server = read(&mut self.servers, variant, image, "state/server/sessions.db", Server::read)?;
        server.check(recording, owed)?;
        let memory = read(&mut self.memories, variant, image, "state/outbox.db", Memory::read)?;
        memory.check(recording, owed)?;
        memory.agrees_with(server)?;
        if owed.announced {
            let token = image.get(Path::new("state/server-token")).and_then(Option::as_deref).unwrap_or_default();
            let is_same = recording.token.as_deref().map(str::as_bytes) == Some(token);
            ensure!(Lost, is_same, "the server's token is {:?}", String::from_utf8_lossy(token));
        }
        Ok(())
    }
}

/// Reads a database of an image, unless its files are what they were.
fn read<'a, T>(
    known: &'a mut BTreeMap<Variant, Reading<T>>,
    variant: Variant,
    image: &Image,
    database: &str,
    read: impl FnOnce(&Path) -> Result<T, Flaw>,
) -> Result<&'a T, Flaw> {
    let is_part = |path: &Path| path.to_string_lossy().starts_with(database);
    let files = image.iter().filter(|(path, _)| is_part(path));
    // The index of the log is garbage anyway.
    let lasting = files.filter(|(path, _)| !path.to_string_lossy().ends_with("-shm"));
    if !known.get(&variant).is_some_and(|reading| reading.files.iter().eq(lasting.clone())) {
        let scratch = scratch();
        disk::lay(image.iter().filter(|(path, bytes)| bytes.is_none() || is_part(path)), scratch.path()).unwrap();
        let files = lasting.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let content = read(&scratch.path().join("state"))?;
        known.insert(variant, Reading { files, content });
    }
    Ok(&known[&variant].content)
}

/// A directory in memory, where there is one.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let new = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    new.unwrap()
}

/// Opens a database, if there is one, by SQLite alone.
fn open(path: &Path) -> Result<Option<Connection>, Flaw> {
    if !path.exists() {
        return Ok(None);
    }
    let look = || -> rusqlite::Result<(Connection, String, i64, i64)> {
        let connection = Connection::open(path)?;
        // Nobody needs what would be written then.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let verdict = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let strays = connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((connection, verdict, strays, version))
    };
    let name = path.display();
    let (connection, verdict, strays, version) = look().map_err(|error| Flaw::Damaged(format!("{name}: {error}")))?;
    ensure!(Damaged, verdict == "ok", "{name}: {verdict}");
    ensure!(Untrue, strays == 0, "{name}: {strays} rows refer to nothing");
    Ok((version > 0).then_some(connection))
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Flaw> {
    let read = || connection.prepare(sql)?.query_map([], row)?.collect();
    let result: rusqlite::Result<Vec<T>> = read();
    result.map_err(|error| Flaw::Damaged(format!("{sql}: {error}")))
}

/// `server/sessions.db`.
#[derive(Default)]
struct Server {
    /// By id; nothing where there is a tombstone.
    sessions: BTreeMap<String, Option<String>>,
    tokens: BTreeSet<Vec<u8>>,
}

impl Server {
    fn read(state: &Path) -> Result<Self, Flaw> {
        let path = state.join("server/sessions.db");
        let Some(connection) = open(&path)? else { return Ok(Self::default()) };
        let has_tokens = connection.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'token'", [], |_| Ok(()));
        let has_tokens = has_tokens.optional().map_err(|error| Flaw::Damaged(error.to_string()))?.is_some();
        let mut server = Self::default();
        for (id, deleted, body) in rows(&connection, "SELECT id, deleted, body FROM session", |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
        })? {
            server.sessions.insert(id, (!deleted).then_some(body));
        }
        if has_tokens {
            server.tokens = rows(&connection, "SELECT hash FROM token", |row| row.get(0))?.into_iter().collect();
        }
        // As the program itself opens it; with ours open, it need not put the log's index together again.
        fitferry::server::users(state).map_err(|error| Flaw::Damaged(error.to_string()))?;
        Ok(server)
    }

    /// Every session is as an answer told it, the last one that was given or one of those that were about to be.
    fn check(&self, recording: &Recording, owed: &Owed) -> Result<(), Flaw> {
        for (id, session) in &self.sessions {
            let answers = recording.answers.get(id).map(Vec::as_slice).unwrap_or_default();
            let oldest = owed.answers.get(id).copied().unwrap_or_default().saturating_sub(1);
            ensure!(Untrue, answers.contains(session), "the server's session {id} was never {session:?}");
            let fresh = answers[oldest..].contains(session);
            ensure!(Lost, fresh, "the server's session {id} is {session:?}, which {:?} replaced", answers[oldest]);
        }
        for id in owed.answers.keys() {
            ensure!(Lost, self.sessions.contains_key(id), "the server has no session {id}");
        }
        for token in &owed.given {
            let hash = Sha256::digest(token).to_vec();
            ensure!(Lost, self.tokens.contains(&hash), "the server does not know a token that it gave");
        }
        Ok(())
    }
}

struct File {
    size: i64,
    verdict: String,
    sessions: Vec<i64>,
}

struct Session {
    id: String,
    revision: i64,
    body: String,
    end_ms: i64,
    /// The revision that is known to be on the server.
    remote: Option<i64>,
    waits: bool,
}

/// `outbox.db`.
#[derive(Default)]
struct Memory {
    files: BTreeMap<String, File>,
    sessions: BTreeMap<i64, Session>,
}

impl Memory {
    fn read(state: &Path) -> Result<Self, Flaw> {
        let path = state.join("outbox.db");
        if open(&path)?.is_none() {
            return Ok(Self::default());
        }
        // It is no memory of a machine that lost its power, and tells who only looks that somebody has the database open, who
        // may be about to bring it up to date.
        let _ = std::fs::remove_file(state.join("outbox.db-shm"));
        // As the program itself opens it: who only looks, or, if it was being made or brought up to date, who runs next.
        let opened = match fitferry::store::open_to_read(state) {
            Err(OpenError::Older { .. }) => fitferry::store::connect(state).map(Some),
            opened => opened,
        };
        opened.map_err(|error| Flaw::Damaged(error.to_string()))?;
        let connection = Connection::open(&path).map_err(|error| Flaw::Damaged(error.to_string()))?;
        let mut memory = Self::default();
        for (path, size, verdict, session) in rows(
            &connection,
            "SELECT path, size, verdict, session_row FROM file LEFT JOIN record ON file_id = file.id",
            |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<i64>>(3)?)),
        )? {
            let path = String::from_utf8_lossy(&path).into_owned();
            let file = memory.files.entry(path).or_insert(File { size, verdict, sessions: Vec::new() });
            file.sessions.extend(session);
        }
        let sessions = rows(
            &connection,
            "SELECT session.id, session_id, session.revision, body, end_ms, remote.revision,
                 EXISTS (SELECT 1 FROM outbox WHERE session_row = session.id)
             FROM session LEFT JOIN remote ON session_row = session.id",
            |row| {
                let (id, revision, body) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let (end_ms, remote, waits) = (row.get(4)?, row.get(5)?, row.get(6)?);
                Ok((row.get(0)?, Session { id, revision, body, end_ms, remote, waits }))
            },
        )?;
        memory.sessions.extend(sessions);
        Ok(memory)
    }

    fn check(&self, recording: &Recording, owed: &Owed) -> Result<(), Flaw> {
        for (path, file) in &self.files {
            self.check_file(path, file, recording, owed)?;
        }
        for path in owed.files.keys().chain(&owed.imported) {
            ensure!(Lost, self.files.contains_key(path), "{path} was seen and is forgotten");
        }
        let mut delivered: BTreeMap<&str, i64> = BTreeMap::new();
        for session in self.sessions.values() {
            let Session { id, revision, remote, .. } = session;
            let known = remote.unwrap_or_default();
            ensure!(Untrue, known <= *revision, "{id} is at revision {revision}, the server at {known}");
            // The outbox is the difference, no more and no less.
            ensure!(Untrue, session.waits == (known < *revision), "{id}: {revision}, {known}, {}", session.waits);
            delivered.insert(id, known);
        }
        for (id, revision) in &owed.delivered {
            let known = delivered.get(id.as_str()).copied().unwrap_or_default();
            ensure!(Lost, known >= *revision, "{id} was delivered at revision {revision}, and is known at {known}");
        }
        Ok(())
    }

    /// A file is there with a version that was taken last or later, and with the sessions of that version.
    fn check_file(&self, path: &str, file: &File, recording: &Recording, owed: &Owed) -> Result<(), Flaw> {
        let versions = recording.files.get(path).map(Vec::as_slice).unwrap_or_default();
        let version = versions.iter().position(|version| version.size == file.size);
        let Some(version) = version else {
            return Err(Flaw::Untrue(format!("{path} never had {} bytes", file.size)));
        };
        let taken = owed.files.get(path).copied().unwrap_or_default();
        ensure!(Lost, version + 1 >= taken, "{path} is known in version {version}, and was taken {taken} times");
        let accepted = file.verdict == "queued" || file.verdict == "known";
        ensure!(Untrue, accepted, "{path} has the verdict {}", file.verdict);
        ensure!(Untrue, file.sessions.len() == 1, "{path} tells of {} sessions", file.sessions.len());
        for row in &file.sessions {
            let session = &self.sessions[row];
            let end_ms = versions[version].end_ms.unwrap_or(session.end_ms);
            ensure!(Untrue, session.end_ms == end_ms, "{path} of version {version} ends at {}", session.end_ms);
            let delivered = session.remote == Some(session.revision);
            ensure!(Lost, delivered || !owed.imported.contains(path), "{path} was imported and is not delivered");
        }
        Ok(())
    }

    /// What is known to be delivered is there, in the revision that is known.
    fn agrees_with(&self, server: &Server) -> Result<(), Flaw> {
        for Session { id, revision, body, remote, .. } in self.sessions.values() {
            let Some(known) = remote else { continue };
            let Some(there) = server.sessions.get(id).and_then(Option::as_ref) else {
                return Err(Flaw::Lost(format!("{id} was delivered, and the server does not have it")));
            };
            // An earlier revision's content is not here any more, and a later one may be on its way.
            let is_same = known < revision || without_modified(there) == *body;
            ensure!(Lost, is_same, "{id} was delivered as {body}, and the server has {there}");
        }
        Ok(())
    }
}

/// What was put, of what is stored.
fn without_modified(body: &str) -> String {
    let field = "\"modifiedTimeMillis\":\"";
    let Some((before, after)) = body.split_once(field) else { return body.to_owned() };
    let (_, after) = after.split_once("\",").unwrap_or_default();
    format!("{before}{after}")
}
