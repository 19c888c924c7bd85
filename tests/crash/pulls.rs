//! `fitferry pull` of some years of sessions, into a file and into the embedded server.

use super::campaign::{End, Stage};
use super::home;
use crate::pull::{Clouds, by_id};
use crate::support::wait;
use std::fs;
use std::process::{Command, Stdio};

const COUNT: i64 = 24;

struct Pull {
    clouds: Clouds,
    into_file: bool,
}

fn stage(into_file: bool) -> Box<dyn Stage> {
    let clouds = Clouds::new();
    clouds.fill_apart(COUNT, 180 * 24);
    clouds.connect(clouds.server.address());
    Box::new(Pull { clouds, into_file })
}

pub fn into_a_file() -> Box<dyn Stage> {
    stage(true)
}

pub fn home() -> Box<dyn Stage> {
    stage(false)
}

impl Pull {
    fn command(&self) -> Command {
        let mut command = self.clouds.home.command();
        command.arg("pull");
        if self.into_file {
            command.arg("--output").arg(self.clouds.file());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Stage for Pull {
    fn reset(&mut self) {
        let _ = fs::remove_dir_all(self.clouds.home.state());
        for left in ["history.jsonl", "history.jsonl.pull", "history.jsonl.draft", "history.jsonl.pull.draft"] {
            let _ = fs::remove_file(self.clouds.home.dir.path().join(left));
        }
    }

    fn live(&mut self, environment: &[(&str, &str)]) -> End {
        let mut child = self.command().envs(environment.iter().copied()).spawn().unwrap();
        home::end(wait::until("the pull to end", || child.try_wait().unwrap()))
    }

    fn judge(&mut self, _: u32) {
        if self.into_file {
            assert_eq!(by_id(self.clouds.in_file()), self.clouds.all());
            assert!(!self.clouds.home.dir.path().join("history.jsonl.pull").exists());
        } else {
            assert_eq!(home::stored(&self.clouds.home, "me").unwrap(), self.clouds.kept());
            assert!(!self.clouds.home.state().join("pull-me.json").exists());
        }
    }

    fn rest(&mut self) {
        let flags = ["--output", self.clouds.file().to_str().unwrap()].map(str::to_owned);
        let flags: Vec<&str> = if self.into_file { flags.iter().map(String::as_str).collect() } else { Vec::new() };
        let (code, again) = self.clouds.pull(&flags);
        assert_eq!((code, &again["taken"], &again["verified"]), (Some(0), &0.into(), &true.into()));
    }
}
