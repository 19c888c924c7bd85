//! The help, the manual and the completions: all commands are in them, and whoever reads them understands them.

use crate::support::foreign;
use crate::support::program::Place;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn help(place: &Place, command: &[String]) -> String {
    let output = place.command().args(command).arg("-h").output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines below a heading of a help text.
fn section<'a>(help: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    let below = help.lines().skip_while(move |line| *line != heading).skip(1);
    below.take_while(|line| !line.is_empty())
}

/// Every command by its words, as the help names them; none of no words is fitferry itself.
fn commands(place: &Place) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = commands.get(next).cloned() {
        for line in section(&help(place, &command), "Commands:") {
            let name = line.split_whitespace().next().unwrap();
            if name != "help" {
                commands.push(command.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
        next += 1;
    }
    commands
}

/// What a program complains about in a file; nothing if there is no such program.
fn complaints(program: &str, arguments: &[&str], file: &Path) -> String {
    if !foreign::has(program, "--version") {
        return String::new();
    }
    let output = Command::new(program).args(arguments).arg(file).stdin(Stdio::null()).output().unwrap();
    // mandoc says it on stdout, where man has the page.
    let said = if program == "mandoc" { output.stdout } else { output.stderr };
    assert!(output.status.success() || !said.is_empty(), "{program}: {}", output.status);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn every_command_and_option_is_explained() {
    let place = Place::new();
    let commands = commands(&place);
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        let help = help(&place, &command);
        let about = help.lines().next().unwrap();
        assert!(about.contains(' ') && about.len() < 140, "{command:?}: {about}");
        for heading in ["Commands:", "Arguments:", "Options:"] {
            for line in section(&help, heading) {
                let said = line.trim_start().split_once("  ").map(|(_, said)| said.trim());
                assert!(said.is_some_and(|said| said.contains(' ')), "{command:?} does not explain:{line}");
            }
        }
    }
}

#[test]
fn every_command_has_a_page_that_can_be_set() {
    let place = Place::new();
    let pages = place.dir.path().join("share/man1");
    let written = place.run(&["man", pages.to_str().unwrap()]);
    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    let commands = commands(&place);
    assert_eq!(fs::read_dir(&pages).unwrap().count(), commands.len(), "no other pages");
    for command in &commands {
        let name = [&["fitferry".to_owned()][..], command].concat().join("-");
        let page = pages.join(format!("{name}.1"));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(&format!(".TH {name} 1")), "{text}");
        // Its date would be that of the build, so there is none; the library leaves more space around lists than counts.
        let allowed = |line: &str| {
            line.ends_with("WARNING: cannot parse date, using it verbatim: TH  ")
                || line.contains("WARNING: skipping paragraph macro: br")
        };
        for (program, arguments) in [
            ("groff", &["-ww", "-man", "-z"][..]),
            ("mandoc", &["-Tlint", "-Wwarning"]),
            ("man", &["--warnings", "-l"]),
        ] {
            let said = complaints(program, arguments, &page);
            assert!(said.lines().all(allowed), "{name}, {program}: {said}");
        }
    }
    let printed = place.run(&["man"]);
    assert!(printed.status.success());
    assert!(printed.stdout == fs::read(pages.join("fitferry.1")).unwrap(), "the first page is the one that is printed");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    let file = place.drop_file("a", "");
    let output = place.run(&["man", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(file.to_str().unwrap()));
}

#[test]
fn completions_are_what_the_shells_accept() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = place.run(&["completions", shell]);
        assert!(output.status.success(), "{output:?}");
        let path = place.dir.path().join(shell);
        fs::write(&path, &output.stdout).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for word in ["normalize", "outbox", "discard", "state-dir", "completions"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
        let said = complaints(shell, &["-n"], &path);
        assert_eq!(said, "", "{shell}");
    }
    assert_eq!(place.run(&["completions", "abacus"]).status.code(), Some(2));
}

/// Bash itself completes a line by the script.
#[test]
fn bash_completes_a_command() {
    let place = Place::new();
    let script = place.dir.path().join("script");
    fs::write(&script, place.run(&["completions", "bash"]).stdout).unwrap();
    let line = "source \"$1\"; COMP_WORDS=(fitferry outbox dis); COMP_CWORD=2
        _fitferry fitferry dis outbox; echo \"${COMPREPLY[@]}\"";
    if !foreign::has("bash", "--version") {
        return;
    }
    let output = Command::new("bash").args(["-c", line, "bash"]).arg(&script).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "discard\n");
}
