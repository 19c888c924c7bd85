//! `fitferry doctor`: what is not as it should be, and what helps.

use super::{Exit, Global, output};
use crate::doctor::{self, Finding, State};
use crate::escape;
use serde::Serialize;
use std::io::Write;

/// Checks everything that fitferry needs, and says what to do about what is not right.
///
/// It looks as whoever calls it; as root at folders and secrets as the user that fitferry runs as, and says so. Nothing is
/// written, and nothing is waited for that does not answer. The exit code is 1 if something is wrong.
#[derive(clap::Args)]
pub struct Doctor {
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    checks: Vec<Finding>,
}

impl Doctor {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let checks = match doctor::load(global.flags()) {
            Ok(config) => doctor::examine(&config),
            Err(unusable) => vec![unusable],
        };
        let answer = Answer { ok: checks.iter().all(|check| check.state != State::Bad), checks };
        let mut out = output::stdout();
        if self.json {
            output::json_line(&mut out, &answer)?;
        } else {
            answer.checks.iter().try_for_each(|check| print(&mut out, check))?;
        }
        out.flush()?;
        Ok(if answer.ok { Exit::Done } else { Exit::SomeInputFailed })
    }
}

fn print(out: &mut impl Write, finding: &Finding) -> std::io::Result<()> {
    let Finding { check, about, state, found, fix } = finding;
    let mark = match state {
        State::Good => '✓',
        State::Bad => '✗',
        State::NotApplicable => '–',
    };
    let about = about.as_ref().map(|about| format!(" {about}")).unwrap_or_default();
    writeln!(out, "{mark} {check}{}: {}", escape::text(&about), escape::text(found))?;
    fix.iter().try_for_each(|fix| writeln!(out, "    → {}", escape::text(fix)))
}
