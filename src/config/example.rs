//! The configuration file in which every key is explained and has its default, commented out; made of the declarations.

use super::Settings;
use super::declare::{Key, Kind, Table};

/// Columns that comments take.
const WIDTH: usize = 79;

const HEAD: &str = "\
# The configuration of fitferry. Every key is shown with its default, or with how
# it might look where there is none, commented out. Made by: fitferry config example
#
# Layers, each covering the one before: defaults, this file, variables such as
# FITFERRY_DELIVERY__CONCURRENCY (two underscores between table and key), flags.
# Relative paths start at the directory of this file. Spans of time are written
# as \"500ms\", \"2s\", \"10m\", \"1h 30m\", \"14d\". Unknown keys are errors.
";

pub fn example() -> String {
    let mut out = HEAD.to_owned();
    add_table(&mut out, "", Settings::TABLE);
    out
}

fn add_table(out: &mut String, path: &str, table: &Table) {
    for key in table.keys {
        let full = key.below(path);
        if path.is_empty() || matches!(key.kind, Kind::Table(_)) {
            out.push('\n');
        }
        comment(out, "", &in_words(key));
        match key.kind {
            Kind::Plain(_) | Kind::Words(_) => disabled(out, &format!("{} = {}", key.name, key.shown())),
            Kind::Map(_) => disabled(out, &format!("[{full}]\n{}", key.shown())),
            Kind::Table(table) => {
                disabled(out, &format!("[{full}]"));
                add_table(out, &full, table);
            }
            Kind::Tables(table) => match key.like {
                // A short form stands for itself; the long one is told, as it cannot stand beside that.
                Some(short) => {
                    add_words(out, table);
                    disabled(out, &format!("{} = {short}", key.name));
                }
                None => disabled(out, table.example),
            },
        }
    }
}

/// A table within a list, in words.
fn add_words(out: &mut String, table: &Table) {
    comment(out, "", "An example:");
    table.example.lines().for_each(|line| out.push_str(&format!("#   {line}\n")));
    comment(out, "", "The keys of such a table:");
    for key in table.keys {
        comment(out, "  ", &format!("{} = {}: {}", key.name, key.shown(), in_words(key)));
    }
}

/// Lines of TOML that do nothing yet.
fn disabled(out: &mut String, toml: &str) {
    toml.lines().for_each(|line| out.push_str(&format!("#{line}\n")));
}

/// Words as a comment, in lines of bearable length; where they are indented, those after the first line are so once more.
fn comment(out: &mut String, indent: &str, words: &str) {
    let mut line = format!("# {indent}");
    let mut begin = line.len();
    for word in words.split_whitespace() {
        if line.len() > begin && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&format!("{line}\n"));
            line = format!("# {indent}{indent}");
            begin = line.len();
        }
        if line.len() > begin {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("{line}\n"));
}

/// What a key does, with its choices and its range.
fn in_words(key: &Key) -> String {
    // Comments have nothing but quotes to set code apart.
    let mut words = key.about.replace('`', "\"");
    if let Kind::Words(choices) = key.kind {
        let told: Vec<String> = choices.iter().map(|(word, what)| format!("\"{word}\": {what}")).collect();
        words.push_str(&format!(" {}.", told.join("; ")));
    }
    if let Some((least, most)) = key.range {
        words.push_str(&format!(" From {least} to {most}."));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_wrapped() {
        let mut out = String::new();
        comment(&mut out, "  ", &"word ".repeat(20));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2, "{out}");
        assert!(lines[0].starts_with("#   word") && lines[1].starts_with("#     word"), "{out}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH && !line.ends_with(' ')), "{out}");
    }
}
