//! Tables of text (CSV): rows of cells under a header, as a stream, each row within bounds.
//!
//! What tables of exports are like: a byte order mark, UTF-16, the old code page of Windows; `,` `;` or tabs between the
//! cells; line ends within quotes; one cell more than the header in each row; a line before the header. A table has no
//! end mark: one that ends with a line may have had more of them.

pub mod clock;
mod header;
mod months;
mod row;
pub mod value;

pub use header::Header;
pub use row::Row;

use super::encoding;
use super::reading::{Condition, Reading, condition_of};
use crate::workout::{Format, Workout};
use csv_core::{ReadRecordResult as Step, Reader, ReaderBuilder};
use encoding_rs_io::DecodeReaderBytes;
use std::io::{self, Read};

/// Bytes of one row; the longest real ones hold a diary entry.
const LONGEST_ROW: usize = 1 << 20;

/// Cells of one row; the widest real tables have about a hundred.
const MOST_CELLS: usize = 4096;

const BUFFER_LEN: usize = 64 << 10;

/// A table whose header has been read.
pub struct Table<'s> {
    source: DecodeReaderBytes<&'s mut dyn Read, Vec<u8>>,
    parser: Reader,
    buffer: Vec<u8>,
    /// The part of the buffer that is not parsed yet.
    start: usize,
    end: usize,
    /// The cells of the current row one after the other, and where each of them ends.
    row: Vec<u8>,
    ends: Vec<usize>,
    /// The line on which the current row begins, and its number below the header.
    line: u64,
    number: u64,
    /// Whether a row has begun that did not end yet.
    open: bool,
    preamble: Option<String>,
    header: Header,
    /// What ended the source early; told once everything before it has been parsed.
    failure: Option<io::Error>,
    /// Why there is nothing more to be read, once that is so.
    condition: Option<Condition>,
}

/// What a step forward in the table found.
enum Found {
    /// This many cells.
    Row(usize),
    End,
}

impl<'s> Table<'s> {
    /// Reads up to the header. A header that breaks off is kept as far as it goes.
    pub fn open(source: &'s mut dyn Read) -> io::Result<Self> {
        let mut table = Self {
            source: encoding::marked(source)?,
            parser: Reader::new(),
            buffer: vec![0; BUFFER_LEN],
            start: 0,
            end: 0,
            row: vec![0; LONGEST_ROW],
            ends: vec![0; MOST_CELLS],
            line: 1,
            number: 0,
            open: false,
            preamble: None,
            header: Header::default(),
            failure: None,
            condition: None,
        };
        table.fill()?;
        let beginning = &table.buffer[..table.end];
        let preamble = header::preamble(beginning);
        let delimiter = header::delimiter(beginning, preamble);
        table.parser = ReaderBuilder::new().delimiter(delimiter).build();
        table.preamble = preamble.map(|length| String::from_utf8_lossy(&beginning[..length]).trim().to_owned());
        table.start = preamble.unwrap_or_default();
        table.parser.set_line(if preamble.is_some() { 2 } else { 1 });
        let cells = match table.advance()? {
            Found::Row(cells) => cells,
            Found::End => return Ok(table),
        };
        let row = table.current(cells);
        table.header = Header::new((0..cells).map(|cell| row.cell(cell)));
        if table.condition.take_if(|condition| *condition == Condition::Unmarked).is_some() {
            table.condition = Some(Condition::Truncated("the header breaks off".to_owned()));
        }
        Ok(table)
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line before the header, if there is one.
    pub fn preamble(&self) -> Option<&str> {
        self.preamble.as_deref()
    }

    /// Reads a table in which each row is a workout; refuses the rows that hold none, each with its place.
    pub fn workouts(
        self,
        format: Format,
        mut workout: impl FnMut(&Row<'_>) -> Result<Workout, String>,
    ) -> io::Result<Reading> {
        self.rows(format, |row, reading| {
            reading.add(workout(row)?);
            Ok(())
        })
    }

    /// Reads a table whose rows `take` puts into the reading; refuses those that it does not take, each with its place.
    pub fn rows(
        mut self,
        format: Format,
        take: impl FnMut(&Row<'_>, &mut Reading) -> Result<(), String>,
    ) -> io::Result<Reading> {
        let mut reading = Reading::new(format);
        self.each_row(&mut reading, take)?;
        Ok(self.finish(reading))
    }

    /// The same up to the end of the table, for readers that have more to say before it is judged by [`Table::finish`].
    pub fn each_row(
        &mut self,
        reading: &mut Reading,
        mut take: impl FnMut(&Row<'_>, &mut Reading) -> Result<(), String>,
    ) -> io::Result<()> {
        while let Some(row) = self.next(reading)? {
            if let Err(reason) = take(&row, reading) {
                reading.refuse(row.at(&reason));
            }
        }
        Ok(())
    }

    /// The reading with what is known of the table's end.
    pub fn finish(self, reading: Reading) -> Reading {
        if reading.condition != Condition::Sound {
            return reading;
        }
        reading.in_condition(self.condition.unwrap_or(Condition::Unmarked))
    }

    /// The next row that is not empty; refuses those with more cells than the header names.
    fn next(&mut self, reading: &mut Reading) -> io::Result<Option<Row<'_>>> {
        let cells = loop {
            if self.condition.is_some() || reading.condition != Condition::Sound {
                return Ok(None);
            }
            let Found::Row(cells) = self.advance()? else { return Ok(None) };
            self.number += 1;
            let row = self.current(cells);
            let is_empty = |cell: usize| row.cell(cell).trim().is_empty();
            if (0..cells).all(is_empty) {
                continue;
            }
            // Nobody can tell where it went out of step.
            if !(self.header.len()..cells).all(is_empty) {
                let reason = format!("{cells} cells where the header names {}", self.header.len());
                reading.refuse(row.at(&reason));
                continue;
            }
            break cells;
        };
        Ok(Some(self.current(cells)))
    }

    fn current(&self, cells: usize) -> Row<'_> {
        Row { bytes: &self.row, ends: &self.ends[..cells], number: self.number, line: self.line }
    }

    fn advance(&mut self) -> io::Result<Found> {
        let (mut length, mut cells) = (0, 0);
        loop {
            if self.start == self.end && self.condition.is_none() {
                self.fill()?;
            }
            let unended = self.open;
            let input: &[u8] = match &self.condition {
                None => &self.buffer[self.start..self.end],
                // Nothing follows. Outside quotes a line end makes a row of what is there.
                Some(_) if unended => b"\n",
                Some(_) => return Ok(Found::End),
            };
            let line = self.parser.line();
            let (step, taken, written, ended) =
                self.parser.read_record(input, &mut self.row[length..], &mut self.ends[cells..]);
            if !self.open {
                let blank = input[..taken].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                let (blank, lines) = blank.fold((0, 0), |(n, lines), byte| (n + 1, lines + u64::from(*byte == b'\n')));
                self.line = line + lines;
                self.open = blank < taken;
            }
            (length, cells) = (length + written, cells + ended);
            if let Some(condition) = &self.condition {
                self.open = false;
                let enough = cells >= self.header.len();
                let is_whole = step == Step::Record && enough && !self.has_gap(cells);
                let is_row = is_whole && *condition == Condition::Unmarked;
                if !is_row && *condition == Condition::Unmarked {
                    let what = if step == Step::Record { "" } else { " within quotes" };
                    let what = format!("{} breaks off{what}", self.place());
                    self.condition = Some(Condition::Truncated(what));
                }
                let is_header = self.header.len() == 0;
                return Ok(if is_row || is_header { Found::Row(cells) } else { Found::End });
            }
            self.start += taken;
            match step {
                Step::InputEmpty => {}
                Step::Record => {
                    self.open = false;
                    if self.has_gap(cells) {
                        self.condition = Some(Condition::gap(format_args!("in {}", self.place())));
                        return Ok(Found::End);
                    }
                    return Ok(Found::Row(cells));
                }
                Step::OutputFull | Step::OutputEndsFull => {
                    let limit = format!("{} KiB or {MOST_CELLS} cells", LONGEST_ROW >> 10);
                    let what = format!("{} is longer than {limit}", self.place());
                    self.condition = Some(Condition::Damaged(what));
                    return Ok(Found::End);
                }
                Step::End => return Ok(Found::End),
            }
        }
    }

    /// Whether the row has zeros in it.
    fn has_gap(&self, cells: usize) -> bool {
        let length = self.ends[..cells].last().copied().unwrap_or_default();
        memchr::memchr(0, &self.row[..length]).is_some()
    }

    /// Where the row stands that is being parsed.
    fn place(&self) -> String {
        match self.header.len() {
            0 => "the header".to_owned(),
            _ => format!("row {} (line {})", self.number + 1, self.line),
        }
    }

    /// Fills the buffer, or notes that the source has ended.
    fn fill(&mut self) -> io::Result<()> {
        (self.start, self.end) = (0, 0);
        while self.end < self.buffer.len() && self.failure.is_none() {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
        if self.end == 0 {
            self.condition = Some(match &self.failure {
                Some(error) => condition_of(error)?,
                None => Condition::Unmarked,
            });
        }
        Ok(())
    }
}
