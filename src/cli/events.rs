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
        let mut out = output::stdout();
        let begins = |event: &&Event| self.name.as_ref().is_none_or(|name| event.name.starts_with(name.as_str()));
        let asks = |event: &&Event| !self.needs_person || event.needs_person();
        let events: Vec<&Event> = CATALOGUE.iter().filter(begins).filter(asks).collect();
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
        Ok(if events.is_empty() { Exit::SomeInputFailed } else { Exit::Done })
    }
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
