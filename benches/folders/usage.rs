//! What a process has used, from `/proc`.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

pub struct Usage {
    pub resident_kb: u64,
    /// Over all threads.
    pub processor: Duration,
    /// Voluntary context switches of all threads: each is the end of a waking.
    pub switches: u64,
}

impl Usage {
    pub fn of(process: &Child) -> Self {
        let (mut processor, mut switches) = (0, 0);
        for task in std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap() {
            let task = task.unwrap().path();
            let schedule = std::fs::read_to_string(task.join("schedstat")).unwrap();
            processor += schedule.split_whitespace().next().unwrap().parse::<u64>().unwrap();
            switches += number(&task.join("status"), "voluntary_ctxt_switches");
        }
        let status = format!("/proc/{}/status", process.id());
        let resident_kb = number(Path::new(&status), "VmRSS");
        Self { resident_kb, processor: Duration::from_nanos(processor), switches }
    }

    /// What was used since then, by threads that are still there.
    pub fn since(self, before: &Self) -> Self {
        let processor = self.processor.saturating_sub(before.processor);
        Self { processor, switches: self.switches.saturating_sub(before.switches), ..self }
    }
}

/// The most memory that it ever had.
pub fn peak_kb(process: &Child) -> u64 {
    number(Path::new(&format!("/proc/{}/status", process.id())), "VmHWM")
}

fn number(file: &Path, key: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
