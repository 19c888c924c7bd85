//! The log of an incident as the real program wrote it, stretched to hours and days, and what the examples for monitors make
//! of it: the alerts for Grafana Loki, and Vector's filter.

use super::foreign;
use super::program::{Daemon, Place, lines};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const HOUR: i64 = 3_600_000;

/// When every log begins, Unix milliseconds.
const BEGIN: i64 = 1_767_225_600_000;

/// What is looked at after the last line, to see when alerts end by themselves.
const TAIL: i64 = 10 * 24 * HOUR;

/// What was said, and when.
#[derive(Clone, Default)]
pub struct Log {
    said: Vec<(i64, Value)>,
    /// How much of each process was heard already.
    heard: BTreeMap<u32, usize>,
}

impl Log {
    /// Leaves out what a daemon has said until now.
    pub fn from_now(daemon: &mut Daemon) -> Self {
        let mut log = Self::default();
        log.hear(0, daemon);
        log.said.clear();
        log
    }

    /// What a daemon has said since it was heard last, as if that had begun so many hours after the beginning.
    pub fn hear(&mut self, hours: i64, daemon: &mut Daemon) {
        // Takes in what is there.
        daemon.events("");
        let heard = self.heard.insert(daemon.id(), daemon.seen.len()).unwrap_or_default();
        self.add(hours, &daemon.seen[heard..]);
    }

    /// The same for the last that it says.
    pub fn terminate(&mut self, hours: i64, daemon: Daemon) {
        let heard = self.heard.get(&daemon.id()).copied().unwrap_or_default();
        self.add(hours, &daemon.terminate().1[heard..]);
    }

    /// Lines with the distances that they have.
    pub fn add(&mut self, hours: i64, events: &[Value]) {
        let at = |event: &Value| Some(event["timestamp"].as_str()?.parse::<Timestamp>().unwrap().as_millisecond());
        let first = events.iter().find_map(at).unwrap_or_default();
        let mut now = BEGIN + hours * HOUR;
        for event in events {
            // What is no event has no time.
            now = at(event).map_or(now, |at| BEGIN + hours * HOUR + at - first);
            self.said.push((now, event.clone()));
        }
    }

    /// Which alerts fire, for whom, from which hour on, and in which hour that is over. `None` where the judge is missing.
    fn alerts(&self, rules: &str) -> Option<Vec<String>> {
        let line = |said: &(i64, Value)| match &said.1 {
            Value::String(line) => json!({"at": said.0, "line": line}),
            event => json!({"at": said.0, "line": event.to_string()}),
        };
        let asked = json!({
            "rules": rules,
            "labels": labels(&example("config.alloy")),
            "lines": self.said.iter().map(line).collect::<Vec<_>>(),
            "until": self.said.last().unwrap().0 + TAIL,
        });
        let firings = lines(ask(foreign::node("judge_loki.mjs")?, &asked).unwrap().as_bytes());
        Some(firings.iter().map(in_words).collect())
    }

    /// Names of the events that Vector's filter lets through. `None` where its language is missing.
    fn passed_by_vector(&self) -> Option<BTreeSet<String>> {
        let record = |event: &Value| {
            let fields = event.as_object().into_iter().flatten();
            fields.map(|(name, value)| (name.to_uppercase(), value.clone())).collect::<serde_json::Map<_, _>>()
        };
        let passes = vector_passes(&self.said.iter().map(|said| record(&said.1).into()).collect::<Vec<_>>())?;
        let passed = self.said.iter().zip(passes).filter(|(_, passes)| *passes);
        Some(passed.map(|(said, _)| said.1["event"].as_str().unwrap().to_owned()).collect())
    }

    /// Nobody is to be alerted, and Vector lets these events through.
    pub fn is_silent(&self, passed: &[&str]) {
        let alerts = self.alerts(&example("loki-rules.yml"));
        alerts.inspect(|alerts| assert!(alerts.is_empty(), "{alerts:#?}: {:#?}", self.said));
        self.passes(passed);
    }

    fn passes(&self, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        self.passed_by_vector().inspect(|passed| assert_eq!(*passed, expected));
    }

    /// These alerts fire, in the order of the rules, and the first of them not if it asks for other names than `events`.
    /// Vector lets these events through. Names of a place are left out of its paths.
    pub fn fires(&self, place: &Place, events: &[&str], alerts: &[&str], passed: &[&str]) {
        let rules = example("loki-rules.yml");
        let Some(found) = self.alerts(&rules) else { return };
        let dir = place.dir.path().display().to_string();
        let found: Vec<String> = found.iter().map(|alert| alert.replace(&dir, "")).collect();
        assert_eq!(found, alerts, "{:#?}", self.said);
        let name = alerts[0].split(' ').next().unwrap();
        let misspelt = events.iter().fold(rules.clone(), |rules, event| rules.replace(event, &format!("{event}t")));
        let found = self.alerts(&misspelt).unwrap();
        assert!(misspelt != rules && found.iter().all(|alert| !alert.starts_with(name)), "{found:#?}");
        self.passes(passed);
    }
}

fn in_words(firing: &Value) -> String {
    let hour = |minute: &Value| {
        minute.as_i64().map_or("the end".to_owned(), |minute| format!("{}", (minute * 60_000 - BEGIN).div_euclid(HOUR)))
    };
    let labels = firing["labels"].as_object().unwrap().values().map(|value| value.as_str().unwrap());
    let labels = labels.collect::<Vec<_>>().join(" ");
    let alert = firing["alert"].as_str().unwrap();
    format!("{alert} for {labels}: {} to {}", hour(&firing["from"]), hour(&firing["over"]))
}

pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/monitoring").join(name);
    fs::read_to_string(path).unwrap()
}

/// The labels that Alloy gives to the log.
fn labels(alloy: &str) -> Value {
    let inside = alloy.split("labels     = { ").nth(1).unwrap().split(" }").next().unwrap();
    let labels = inside.split(", ").map(|label| label.split_once(" = ").unwrap());
    labels
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"')))
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect()
}

/// Whether each record of the journal gets through Vector's filter. `None` where its language is missing.
pub fn vector_passes(records: &[Value]) -> Option<Vec<bool>> {
    let vector: toml::Table = example("vector.toml").parse().unwrap();
    let condition = &vector["transforms"]["needs_a_person"]["condition"];
    let answers = ask(foreign::vrl()?, &json!({"condition": condition.as_str().unwrap(), "records": records})).unwrap();
    let answers: Vec<bool> = answers.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(answers.len(), records.len());
    Some(answers)
}

/// What a judge answers, or what it does not understand.
fn ask(mut judge: Command, asked: &Value) -> Result<String, String> {
    let judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut judge = judge.spawn().unwrap();
    // It may end without having read all.
    let _ = judge.stdin.take().unwrap().write_all(asked.to_string().as_bytes());
    let output = judge.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// What the judge for Loki says against a rule. `None` where it is missing.
pub fn complaint(expression: &str) -> Option<String> {
    let rules = format!("groups: [{{ rules: [{{ alert: Any, expr: '{expression}' }}] }}]");
    let line = json!({"at": BEGIN, "line": "no JSON"});
    let asked = json!({"rules": rules, "labels": {"job": "fitferry"}, "lines": [line], "until": BEGIN});
    Some(ask(foreign::node("judge_loki.mjs")?, &asked).err().unwrap_or_default())
}
