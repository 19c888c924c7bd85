//! Stories as people read them.

use super::file::{FileStory, Remembered};
use super::folder::FolderStory;
use super::look::{Look, Members, UNOPENED, Zone};
use super::session::{Origin, Record, SessionStory};
use super::{MOST_TOLD, Story};
use crate::escape;
use crate::store::members::Member;
use jiff::Timestamp;
use std::io::{self, Write};

/// Characters of a text that is shown beside others.
const LONGEST_TEXT: usize = 300;

pub fn story(out: &mut impl Write, number: usize, story: &Story) -> io::Result<()> {
    if number > 0 {
        writeln!(out)?;
    }
    let mut page = Page { out };
    match story {
        Story::File(told) => page.file(told),
        Story::Folder(told) => page.folder(told),
        Story::Session(told) => page.session(told),
        Story::Unknown(told) => {
            page.title(&told.subject)?;
            page.lines("next", &told.next)
        }
    }
}

/// Where every text goes that may be somebody else's.
struct Page<'a, W> {
    out: &'a mut W,
}

impl<W: Write> Page<'_, W> {
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", escape::text(text))
    }

    fn line(&mut self, label: &str, text: impl AsRef<str>) -> io::Result<()> {
        let text = text.as_ref();
        let end = text.char_indices().nth(LONGEST_TEXT).map(|(end, _)| end);
        let (text, more) = end.map_or((text, ""), |end| (&text[..end], "…"));
        writeln!(self.out, "  {label:<10} {}{more}", escape::text(text))
    }

    /// The label stands beside the first line only.
    fn lines(&mut self, label: &str, texts: &[String]) -> io::Result<()> {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        labels.zip(texts).try_for_each(|(label, text)| self.line(label, text))
    }

    fn file(&mut self, told: &FileStory) -> io::Result<()> {
        self.title(&told.file)?;
        if let Some(account) = &told.account {
            self.line("account", account)?;
        }
        if let Some(folder) = &told.folder {
            self.line("folder", &folder.path)?;
            if let (Some(why), Some(pattern)) = (&folder.ignored, &folder.pattern) {
                self.line("ignored", format!("{why}: its name matches {pattern}"))?;
            }
        }
        match (&told.now, &told.unreadable) {
            (Some(look), _) => self.look(look)?,
            (None, Some(why)) => self.line("file", format!("cannot be read: {why}"))?,
            (None, None) => self.line("file", "is not there any more")?,
        }
        match &told.memory {
            Some(memory) => self.memory(memory, told.now.is_some())?,
            None => self.line("memory", "not in the memory: nothing was sent of it")?,
        }
        let is_known = told.memory.as_ref().is_some_and(|memory| memory.changed == Some(false));
        if let Some(look) = told.now.as_ref().filter(|_| !is_known) {
            self.would(look)?;
        }
        self.lines("next", &told.next)?;
        for session in &told.sessions {
            writeln!(self.out)?;
            self.session(session)?;
        }
        if told.more_sessions > 0 {
            writeln!(
                self.out,
                "\n… and {} more sessions; fitferry explain SESSION-ID tells of one",
                told.more_sessions
            )?;
        }
        Ok(())
    }

    fn look(&mut self, look: &Look) -> io::Result<()> {
        if look.condition == UNOPENED {
            return self.line("file", look.reason.as_deref().unwrap_or_default());
        }
        self.line("file", stamp(look.size, look.modified))?;
        let format = look.format.map_or("no format that is read", |format| format.as_str());
        self.line("sniffed", format!("{format}: {}", look.recognised_by.join("; in it: ")))?;
        let whole = match (look.flaw.as_deref(), look.condition) {
            (Some(flaw), _) => flaw,
            (None, "unmarked") => "nothing is wrong with it, and nothing in it marks its end",
            (None, _) => "complete",
        };
        self.line("read", format!("workouts: {}, refused: {}; {whole}", look.workouts, look.refused))?;
        for refusal in &look.refusals {
            self.line("", format!("refused: {refusal}"))?;
        }
        if look.refused > look.refusals.len() {
            self.line("", "… and more; fitferry normalize tells all")?;
        }
        match &look.zone {
            Some(Zone { name, from, workouts }) => {
                self.line(
                    "zone",
                    format!("{name}, the {from}'s, for local time without a zone (workouts: {workouts})"),
                )?;
            }
            None if look.workouts > 0 => {
                self.line("zone", "none had to be assumed: the file tells where its times are")?;
            }
            None => {}
        }
        if let Some(members) = &look.members {
            self.members(members)?;
        }
        Ok(())
    }

    /// What would come of it if it were read now.
    fn would(&mut self, look: &Look) -> io::Result<()> {
        let reason = look.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.line("as it is", format!("{}{reason}", look.verdict))?;
        for would in &look.would_become {
            let member = would.member.as_deref().map(|member| format!(" » {member}")).unwrap_or_default();
            self.line("would be", format!("{}  {}{member}", would.id, would.name))?;
            self.line("", format!("{} to {}", would.start, would.end))?;
            self.line("", format!("sport {}", would.sport))?;
            if let Some(why) = &would.skipped {
                self.line("", format!("not sent by your rules: {why}"))?;
            }
        }
        if look.workouts > MOST_TOLD && !look.would_become.is_empty() {
            self.line("", "… and more; fitferry normalize tells all")?;
        }
        Ok(())
    }

    fn members(&mut self, members: &Members) -> io::Result<()> {
        let count = |verdict: &str| members.verdicts.get(verdict).copied().unwrap_or_default();
        self.line(
            "members",
            format!(
                "{} read, {} rejected, {} without a workout, {} of unknown format, {} passed over",
                count("known"),
                count("rejected"),
                count("no-session") + members.quiet,
                members.unknown,
                members.passed_over
            ),
        )?;
        members.not_fine.iter().try_for_each(|member| self.member(member))
    }

    fn member(&mut self, member: &Member) -> io::Result<()> {
        let reason = member.reason.as_deref().unwrap_or_default();
        self.line("", format!("{}  {}: {reason}", member.name, member.verdict.as_str()))
    }

    fn memory(&mut self, memory: &Remembered, is_there: bool) -> io::Result<()> {
        let reason = memory.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.line("memory", format!("{}{}{reason}", memory.verdict.as_str(), since(" on ", memory.judged)))?;
        if memory.changed == Some(true) {
            self.line("", format!("it was another file then: {}", stamp(memory.size, memory.modified)))?;
        }
        if let Some(gone) = memory.gone_since {
            self.line("", format!("missed since {gone:.0}"))?;
        }
        if !is_there {
            memory.members.iter().try_for_each(|member| self.member(member))?;
        }
        Ok(())
    }

    fn session(&mut self, told: &SessionStory) -> io::Result<()> {
        self.title(&format!("{}  {}", told.id, told.session.name))?;
        self.line("account", &told.account)?;
        if let (Some(start), Some(end)) = (told.start, told.end) {
            let kind = told.session.known_activity_type().map_or("?", |kind| kind.name());
            self.line("workout", format!("{start} to {end}, {} {kind}", told.session.activity_type))?;
        }
        if let Some(description) = &told.session.description {
            self.line("", description)?;
        }
        for record in &told.records {
            self.record(record)?;
        }
        if told.records.is_empty() && told.state != "deleted" {
            self.line("from", "no file any more: those that told of it say something else now")?;
        }
        let origin = |Origin { field, value, place }: &Origin| match told.records.len() {
            1 => format!("{:<18} {value}", field.as_str()),
            _ => format!("{:<18} {value} ← {}", field.as_str(), place.short()),
        };
        self.lines("fields", &told.fields.iter().map(origin).collect::<Vec<_>>())?;
        let reason = told.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.line("stands", format!("{} at revision {}{reason}", told.state, told.revision))?;
        if let Some(waits) = &told.waits {
            self.line("", format!("to be {}, attempts: {}", request(&waits.request), waits.attempts))?;
        }
        if let Some(suspect) = &told.suspect {
            self.line("suspect", suspect)?;
        }
        match &told.remote {
            Some(remote) => self.line(
                "server",
                format!(
                    "{}: {} (revision {}{})",
                    remote.destination,
                    standing(&remote.standing),
                    remote.revision,
                    since(", ", remote.since)
                ),
            )?,
            None => self.line("server", "is not known to have it")?,
        }
        self.line(
            "compared",
            format!("with the server: {}", told.last_reconcile.map_or("never".to_owned(), |at| format!("{at:.0}"))),
        )?;
        let attempts = told.attempts.iter().map(|attempt| {
            let reason = attempt.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}  revision {}  {}{reason}", since("", attempt.at), attempt.revision, attempt.outcome)
        });
        self.lines("attempts", &attempts.collect::<Vec<_>>())?;
        self.lines("next", &told.next)
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.line("from", record.place.to_string())?;
        self.line("", record.why())?;
        self.line("", format!("{} to {}", record.start, record.end))?;
        if let Some(zone) = &record.assumed_zone {
            self.line("", format!("it prints local time; {zone} was assumed"))?;
        }
        if record.salvaged {
            self.line("", "salvaged from a file that breaks off or is damaged")?;
        }
        self.line("", format!("sport {}", record.sport))
    }

    fn folder(&mut self, told: &FolderStory) -> io::Result<()> {
        self.title(&told.folder)?;
        match (&told.watched, &told.watched_by) {
            (Some(folder), Some(owner)) => self.line("watched", format!("{folder}, for {owner}"))?,
            _ => self.line("watched", "no")?,
        }
        for below in &told.accounts {
            let counts = below.verdicts.iter().map(|count| format!("{} {}", count.files, count.verdict.as_str()));
            self.line("files", format!("{}: {}", below.account, counts.collect::<Vec<_>>().join(", ")))?;
            for file in &below.problems {
                let reason = file.reason.as_deref().unwrap_or_default();
                self.line("", format!("{}  {}: {reason}", file.file.display(), file.verdict.as_str()))?;
            }
        }
        if told.accounts.is_empty() {
            self.line("files", "none below it is in the memory")?;
        }
        self.lines("next", &told.next)
    }
}

fn stamp(size: i64, modified: Option<Timestamp>) -> String {
    format!("{size} bytes{}", since(", changed ", modified))
}

fn since(before: &str, at: Option<Timestamp>) -> String {
    at.map(|at| format!("{before}{at:.0}")).unwrap_or_default()
}

fn request(request: &str) -> &'static str {
    if request == "delete" { "deleted" } else { "put" }
}

fn standing(standing: &str) -> &'static str {
    match standing {
        "theirs" => "edited there, and kept so",
        "deleted" => "deleted there, and kept so",
        "discarded" => "you decided that it is not to be sent",
        _ => "has it",
    }
}
