//! `fitferry events`: the catalogue of what the log says.

use super::{Exit, output};
use crate::events::{CATALOGUE, Event};
use std::io::Write;

/// Lists every event that the log knows: its name, level and fields, when it fires, and what to do.
#[derive(clap::Args)]
pub struct Events {
    /// Only those whose name begins like this: "account", "session.parked".
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Only those that ask for a person.
    #[arg(long)]
    needs_person: bool,
    /// As JSON, one line each.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As a page of Markdown.
    #[arg(long)]
    markdown: bool,
}

impl Events {
    pub fn run(&self) -> anyhow::Result<Exit> {
        let name = self.name.as_deref().unwrap_or_default();
        let mut events: Vec<&Event> = CATALOGUE.iter().filter(|event| event.name.starts_with(name)).collect();
        if events.is_empty() {
            output::complain(&unknown(name));
            return Ok(Exit::Usage);
        }
        events.retain(|event| !self.needs_person || event.needs_person());
        let mut out = output::stdout();
        if self.markdown {
            print_page(&mut out, &events)?;
        } else {
            for event in &events {
                if self.json {
                    output::json_line(&mut out, event)?;
                } else {
                    print_text(&mut out, event)?;
                }
            }
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

/// How many names may be offered instead of one that nothing has.
const OFFERED: usize = 3;

fn unknown(name: &str) -> String {
    let near = near(name);
    let instead = if near.is_empty() {
        "\"fitferry events\" lists them all".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("no event is called \"{name}\", and none begins like that: {instead}")
}

/// The names of which the whole, the beginning or the last word is written most nearly like this one.
fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    // One letter of four may be another.
    let far = name.len() / 4;
    let likeness = |event: &str| {
        let begin = event.get(..name.len()).unwrap_or(event);
        let (family, word) = event.split_once('.').unwrap_or((event, event));
        let apart = [event, begin, family, word].map(|known| strsim::damerau_levenshtein(&name, known));
        apart.into_iter().min().filter(|apart| *apart <= far)
    };
    let near: Vec<(usize, &str)> =
        CATALOGUE.iter().filter_map(|event| Some((likeness(event.name)?, event.name))).collect();
    let nearest = near.iter().map(|(apart, _)| *apart).min();
    near.iter().filter(|(apart, _)| Some(*apart) == nearest).take(OFFERED).map(|(_, name)| *name).collect()
}

fn print_text(out: &mut impl Write, event: &Event) -> std::io::Result<()> {
    writeln!(out, "{}  ({})", event.name, event.level.as_str())?;
    writeln!(out, "  {}", event.when)?;
    writeln!(out, "  What to do: {}", event.remedy)?;
    for field in event.fields {
        writeln!(out, "    {:<12} {}", field.name, field.kind.as_str())?;
    }
    Ok(())
}

fn print_page(out: &mut impl Write, events: &[&Event]) -> std::io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    let group = |event: &Event| event.name.split('.').next().unwrap_or_default();
    let mut groups: Vec<&str> = Vec::new();
    for event in events {
        if !groups.contains(&group(event)) {
            groups.push(group(event));
        }
    }
    for name in groups {
        writeln!(out, "\n## {name}\n")?;
        writeln!(out, "| Event | Level | Fields | When | What to do |\n|---|---|---|---|---|")?;
        for event in events.iter().filter(|event| group(event) == name) {
            print_row(out, event)?;
        }
    }
    Ok(())
}

fn print_row(out: &mut impl Write, event: &Event) -> std::io::Result<()> {
    let fields: Vec<String> =
        event.fields.iter().map(|field| format!("`{}` ({})", field.name, field.kind.as_str())).collect();
    let Event { name, level, when, remedy, .. } = event;
    let name = if event.needs_person() {
        format!("[**`{name}`**](troubleshooting.md#{})", name.replace('.', ""))
    } else {
        format!("`{name}`")
    };
    writeln!(out, "| {name} | {} | {} | {when} | {remedy} |", level.as_str(), fields.join(", "))
}

const HEAD: &str = "# Events

All that the log of fitferry says, as `fitferry events` prints it. Names, levels and fields stay as they are from version to
version, so that people can alert on them; [monitoring.md](monitoring.md) says how. In JSON and logfmt each line has `level`,
`event`, `message` and the fields; in the journal they are fields of their own, in capitals: `journalctl EVENT=session.parked`.
Times are RFC 3339 in UTC. A field that has nothing to say is left out. What is **bold** asks for a person, and leads to what helps.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_near() {
        assert_eq!(near("session.parkt"), ["session.parked"]);
        assert_eq!(near("Session.Parked"), ["session.parked"]);
        assert_eq!(near("parked"), ["session.parked"]);
        assert_eq!(near("sesion").len(), OFFERED);
        assert!(near("sesion").iter().all(|name| name.starts_with("session.")));
        assert_eq!(near("weather"), Vec::<&str>::new());
        assert_eq!(near("x"), Vec::<&str>::new());
    }
}
