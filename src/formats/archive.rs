//! Archives: zip and tar, also packed by gzip and inside one another; every member is read in place and judged by itself.

mod limits;
mod names;
mod source;
mod tar;
mod unpack;
mod zip;

pub use limits::Exceeded;
pub use unpack::{Method, Unpacked};

use super::reading::{Condition, Reading, condition_of};
use super::{Input, Kind, Options, read_input, sniff};
use crate::workout::Format;
use limits::{DEEPEST, MOST_MEMBERS, Ration};
use names::Companions;
use source::Source;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

/// Whether whoever is told of members wants more of them.
pub type Flow = ControlFlow<()>;

/// A file in an archive that holds workouts, or that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its path in the archive, behind those of the archives around it: a label, not a path to anything.
    pub name: String,
    pub reading: Reading,
}

/// What a file is, once it has been read to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// One file, perhaps packed.
    One(Reading),
    Archive(Summary),
}

/// An archive as a whole. Its members were told one by one, but for those of no interest, which are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    kind: &'static str,
    /// The format of its first workouts, else of the first file that was known.
    pub format: Option<Format>,
    pub condition: Condition,
    /// Files and folders in it, also in archives inside it.
    pub members: usize,
    /// Members that were told.
    pub told: usize,
    /// Members of a known format that hold no workout: routes, a day's steps, settings.
    pub quiet: usize,
    /// Members of no known format.
    pub unknown: usize,
    /// Members that were not looked at: folders, pictures, litter of systems.
    pub litter: usize,
}

impl Summary {
    fn of(kind: &'static str) -> Self {
        let condition = Condition::Sound;
        Self { kind, format: None, condition, members: 0, told: 0, quiet: 0, unknown: 0, litter: 0 }
    }

    /// The archive as if it were one file without workouts.
    pub fn reading(&self) -> Reading {
        let (kind, members) = (self.kind, self.members);
        let what = match members {
            0 => format!("a {kind} archive with nothing in it"),
            _ if self.format.is_none() => {
                format!("a {kind} archive; no file in it is of a known format ({members} in all)")
            }
            _ => format!("a {kind} archive; no file in it holds a workout ({members} in all)"),
        };
        let mut reading = Reading::unknown(what);
        reading.format = self.format;
        reading.in_condition(self.condition.clone())
    }

    /// Whether there is more to say of it than of its members.
    pub fn is_worth_telling(&self) -> bool {
        self.told == 0 || self.condition.is_flaw()
    }
}

/// Reads a file to its end, whatever it turns out to be; the members of an archive are handed to `told` one by one.
///
/// Errors are those of the device or file system only: whatever is wrong with the content is told by the readings.
pub fn read_file(file: &File, options: &Options, told: &mut dyn FnMut(Member) -> Flow) -> io::Result<Contents> {
    let mut source = Source::of_file(file)?;
    let ration = Rc::new(Ration::for_file(source.measure()?));
    let Some((kind, content)) = container(&source, &ration)? else {
        return super::read(file, options).map(Contents::One);
    };
    let summary = Summary::of(kind.name());
    let companions = Companions::default();
    let mut walk = Walk { options, told, ration, companions, summary, is_apple: false, odd: 0, has_workouts: false };
    let (_, condition) = kind.walk(&mut walk, content, &Place::default())?;
    if walk.summary.condition == Condition::Sound || condition.is_flaw() && !walk.summary.condition.is_flaw() {
        walk.summary.condition = condition;
    }
    Ok(Contents::Archive(walk.summary))
}

/// Reads a file to its end as one reading, with the workouts of all members of an archive; each member is shown first.
pub fn read_whole(file: &File, options: &Options, show: &mut dyn FnMut(&Member)) -> io::Result<Reading> {
    let mut whole = Reading::unknown("");
    let absorb = &mut |member: Member| {
        show(&member);
        whole.absorb(&member.name, member.reading);
        Flow::Continue(())
    };
    match read_file(file, options, absorb)? {
        Contents::One(reading) => Ok(reading),
        Contents::Archive(summary) => Ok(whole.of_archive(summary.reading())),
    }
}

/// The kinds of archive.
#[derive(Clone, Copy)]
enum Container {
    Zip,
    Tar,
}

impl Container {
    fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
        }
    }

    fn walk(self, walk: &mut Walk<'_>, source: Source, place: &Place) -> io::Result<(Flow, Condition)> {
        match self {
            Self::Zip => zip::walk(walk, source, place),
            Self::Tar => tar::walk(walk, &source, place),
        }
    }
}

/// The archive that a source is or that unpacks from it, if it is one.
fn container(source: &Source, ration: &Rc<Ration>) -> io::Result<Option<(Container, Source)>> {
    let kind_of = |source: &Source| match Input::new(source.reader()) {
        Ok(input) => Ok(sniff(input.head())),
        // What is wrong is told by whoever reads it.
        Err(error) => condition_of(&error).map(|_| Kind::Unknown),
    };
    Ok(match kind_of(source)? {
        Kind::Zip => Some((Container::Zip, source.clone())),
        Kind::Tar => Some((Container::Tar, source.clone())),
        Kind::Gzip => {
            let inside = source.unpacked(Method::Gzip, None, ration);
            match kind_of(&inside)? {
                Kind::Zip => Some((Container::Zip, inside)),
                Kind::Tar => Some((Container::Tar, inside)),
                _ => None,
            }
        }
        _ => None,
    })
}

/// Where a member stands: inside which archives.
#[derive(Default)]
struct Place {
    around: String,
    depth: usize,
}

impl Place {
    fn name(&self, member: &str) -> String {
        format!("{}{member}", self.around)
    }

    fn inside(&self, name: &str) -> Self {
        Self { around: format!("{name}/"), depth: self.depth + 1 }
    }
}

/// What is known on the way through an archive.
struct Walk<'a> {
    options: &'a Options,
    told: &'a mut dyn FnMut(Member) -> Flow,
    ration: Rc<Ration>,
    companions: Companions,
    summary: Summary,
    /// It is a health export of Apple.
    is_apple: bool,
    /// Members that are flawed, or begin with nothing but zeros: perhaps their bytes are still to be written.
    odd: usize,
    /// One of its members does.
    has_workouts: bool,
}

impl Walk<'_> {
    /// Notes that bytes of the archive may be missing although it has an end: that may have been written first.
    fn doubt(&mut self) {
        if self.summary.condition == Condition::Sound {
            self.summary.condition = Condition::Unmarked;
        }
    }

    /// Counts one more member, if there may be one.
    fn has_room(&mut self) -> bool {
        self.summary.members += 1;
        self.summary.members <= MOST_MEMBERS
    }

    /// Reads one member, whatever it turns out to be.
    fn member(&mut self, name: String, content: &Source, reader: &mut dyn Read, place: &Place) -> io::Result<Flow> {
        if self.is_apple && names::is_route(&name) {
            self.summary.litter += 1;
            return Ok(Flow::Continue(()));
        }
        if let Some((kind, content)) = container(content, &self.ration)? {
            return self.nested(name, kind, content, place);
        }
        let mut input = match Input::new(reader) {
            Ok(input) => input,
            Err(error) => return self.failed(name, condition_of(&error)?),
        };
        if !matches!(sniff(input.head()), Kind::Known(_) | Kind::Gzip) {
            self.odd += usize::from(!input.head().is_empty() && input.head().iter().all(|byte| *byte == 0));
            self.summary.unknown += 1;
            return Ok(Flow::Continue(()));
        }
        let mut reading = read_input(&mut input, self.options)?;
        if reading.format.is_none() && reading.flaw().is_none() {
            self.summary.unknown += 1;
            return Ok(Flow::Continue(()));
        }
        if reading.format.is_some() && reading.flaw().is_none() {
            // The end of the member has to be seen: its checksum proves it complete.
            let end = match io::copy(&mut input, &mut io::sink()) {
                Ok(_) => Condition::Sound,
                Err(error) => condition_of(&error)?,
            };
            reading = reading.in_condition(end);
        }
        Ok(self.take(name, reading))
    }

    fn nested(&mut self, name: String, kind: Container, content: Source, place: &Place) -> io::Result<Flow> {
        if place.depth + 1 == DEEPEST {
            return self.unread(name, &format!("archives are nested deeper than {DEEPEST}; unpack it once"));
        }
        let (flow, condition) = kind.walk(self, content, &place.inside(&name))?;
        if flow.is_break() || condition == Condition::Sound {
            return Ok(flow);
        }
        self.failed(name, condition)
    }

    /// Tells of a member that was read, unless it is of no interest.
    fn take(&mut self, name: String, mut reading: Reading) -> Flow {
        self.is_apple |= reading.format == Some(Format::AppleHealth);
        self.companions.add(&reading.companions);
        if reading.is_complete() && reading.workouts.is_empty() && reading.refused.is_empty() {
            self.summary.quiet += 1;
            self.summary.format = self.summary.format.or(reading.format);
            return Flow::Continue(());
        }
        // The row of a table tells of one workout; which of several it means, nobody knows.
        if let ([workout], Some(key)) = (&mut reading.workouts[..], self.companions.key_of(&name)) {
            workout.alias = Some(key.clone());
        }
        for workout in &mut reading.workouts {
            workout.source.member = Some(name.clone());
        }
        self.tell(name, reading)
    }

    /// Tells of a member that is not read.
    fn unread(&mut self, name: String, why: &str) -> io::Result<Flow> {
        Ok(self.tell(name, Reading::unknown(why)))
    }

    /// Tells of a member that cannot be read.
    fn failed(&mut self, name: String, condition: Condition) -> io::Result<Flow> {
        Ok(self.tell(name, Reading::unknown("").in_condition(condition)))
    }

    fn tell(&mut self, name: String, reading: Reading) -> Flow {
        let is_first = !self.has_workouts && !reading.workouts.is_empty();
        if is_first || self.summary.format.is_none() {
            self.summary.format = reading.format.or(self.summary.format);
        }
        self.has_workouts |= is_first;
        self.summary.told += 1;
        self.odd += usize::from(reading.flaw().is_some());
        let flow = (self.told)(Member { name, reading });
        if self.ration.is_spent() {
            self.summary.condition = Condition::Damaged(Exceeded::Total.to_string());
            return Flow::Break(());
        }
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::Key;
    use std::io::Write;

    fn gpx(day: u8) -> String {
        let point = |hour| format!("<trkpt lat='1' lon='1'><time>2026-04-{day:02}T{hour:02}:00:00Z</time></trkpt>");
        format!("<gpx><trk><trkseg>{}{}</trkseg></trk></gpx>", point(10), point(11))
    }

    /// A table names files by the end of their path; the readers of tables tell of them.
    #[test]
    fn the_workout_of_a_file_that_a_table_names_is_that_of_its_row() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = rawzip::ZipArchiveWriter::new(&mut file);
        for (name, day) in [("export/activities/1.gpx", 1), ("export/activities/2.gpx", 2)] {
            let (mut entry, config) = writer.new_file(name).start().unwrap();
            let mut content = config.wrap(&mut entry);
            content.write_all(gpx(day).as_bytes()).unwrap();
            let (_, descriptor) = content.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        writer.finish().unwrap();
        let mut aliases = Vec::new();
        let mut told = |member: Member| {
            aliases.push(member.reading.workouts[0].alias.clone());
            Flow::Continue(())
        };
        let ration = Rc::new(Ration::for_file(0));
        let (options, summary) = (Options::default(), Summary::of("zip"));
        let mut walk = Walk {
            options: &options,
            told: &mut told,
            ration,
            companions: Companions::default(),
            summary,
            is_apple: false,
            odd: 0,
            has_workouts: false,
        };
        let key = Key { vendor: "strava".to_owned(), id: "42".to_owned() };
        walk.companions.add(&[("activities/2.gpx.gz".to_owned(), key.clone())]);
        let walked = zip::walk(&mut walk, Source::of_file(&file).unwrap(), &Place::default()).unwrap();
        assert_eq!(walked, (Flow::Continue(()), Condition::Sound));
        assert_eq!(aliases, [None, Some(key)]);
    }
}
