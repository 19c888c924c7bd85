//! Cuts the power at every step of a recording, and looks at what is left.

use super::disk::{self, Disk, Variant};
use super::events::Event;
use super::oracle::{Flaw, Oracle};
use super::promises::Owed;
use super::recording::Recording;
use crate::support::foreign;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Images are looked at by so many threads.
const WORKERS: usize = 2;

/// A moment at which the power may go: the steps up to this one have been taken, and before the next one the disk does
/// not change.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    step: usize,
    /// What is on the disk for sure, or what is owed, has changed since the last one.
    dropped: bool,
    /// What may be on the disk, or what is owed, has changed.
    kept: bool,
}

/// An image that is not as it should be.
#[derive(Clone, Debug)]
pub struct Finding {
    pub flaw: Flaw,
    pub image: ImageId,
}

/// What an image is made from, besides the recording.
#[derive(Clone, Copy, Debug)]
pub struct ImageId {
    pub step: usize,
    pub variant: Variant,
    pub seed: u64,
}

/// What came of a campaign.
#[derive(Debug, Default)]
pub struct Report {
    pub boundaries: usize,
    pub images: BTreeMap<Variant, usize>,
    /// How many promised things were looked for, over all images.
    pub promises: usize,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn images(&self) -> usize {
        self.images.values().sum()
    }

    pub fn lost(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.flaw, Flaw::Lost(_))).count()
    }

    pub fn damaged(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.flaw, Flaw::Damaged(_))).count()
    }
}

/// All steps after which to cut.
fn boundaries(recording: &Recording) -> Vec<Boundary> {
    let mut boundaries = Vec::new();
    let (mut dropped, mut kept) = (false, false);
    let mut cut = |before: usize, dropped: &mut bool, kept: &mut bool| {
        if *dropped || *kept {
            boundaries.push(Boundary { step: before - 1, dropped: *dropped, kept: *kept });
        }
        (*dropped, *kept) = (false, false);
    };
    for (step, what) in recording.steps.iter().enumerate() {
        match what.event {
            Event::Write { .. } | Event::Resize { .. } | Event::Names { .. } => {
                cut(step, &mut dropped, &mut kept);
                kept = true;
            }
            Event::SyncEnd { .. } => {
                cut(step, &mut dropped, &mut kept);
                dropped = true;
            }
            Event::Promise(_) => (dropped, kept) = (true, true),
            Event::Done { .. } | Event::SyncBegin { .. } => {}
        }
    }
    cut(recording.steps.len(), &mut dropped, &mut kept);
    boundaries
}

/// Looks, at every boundary, at what is left if all that was not synced is lost, and if all of it survives; and at about
/// so many other images, spread evenly.
pub fn run(recording: &Recording, by_chance: usize, seed: u64) -> Report {
    let boundaries = boundaries(recording);
    let worker = |worker: usize| Worker { recording, boundaries: &boundaries, by_chance, seed, worker }.run();
    let mut report = Report { boundaries: boundaries.len(), ..Report::default() };
    let parts: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|number| scope.spawn(move || worker(number))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    for part in parts {
        part.images.into_iter().for_each(|(variant, count)| *report.images.entry(variant).or_default() += count);
        report.promises += part.promises;
        report.findings.extend(part.findings);
    }
    report.findings.sort_by_key(|finding| finding.image.step);
    report
}

struct Worker<'a> {
    recording: &'a Recording,
    boundaries: &'a [Boundary],
    /// Images of the random variants, of all workers.
    by_chance: usize,
    seed: u64,
    worker: usize,
}

impl Worker<'_> {
    fn run(&self) -> Report {
        let mut report = Report::default();
        let (mut disk, mut owed) = (Disk::new(&self.recording.kinds, &self.recording.steps), Owed::default());
        let (mut oracle, mut next, mut count) = (Oracle::default(), 0, 0);
        for (index, at) in self.boundaries.iter().enumerate() {
            advance(self.recording, &mut disk, &mut owed, &mut next, at.step);
            for image in self.images(index, at, disk.is_settled()) {
                count += 1;
                if count % WORKERS != self.worker {
                    continue;
                }
                *report.images.entry(image.variant).or_default() += 1;
                report.promises += owed.count();
                let left = disk.image(image.variant, image.seed);
                if let Err(flaw) = oracle.check(&left, image.variant, self.recording, &owed) {
                    report.findings.push(Finding { flaw, image });
                }
            }
        }
        report
    }

    fn images(&self, index: usize, at: &Boundary, settled: bool) -> Vec<ImageId> {
        let mut images = Vec::new();
        let image = |variant, seed| ImageId { step: at.step, variant, seed };
        images.extend(at.dropped.then(|| image(Variant::Dropped, 0)));
        // Where nothing is unsynced, there is one image only.
        if settled {
            return images;
        }
        images.extend(at.kept.then(|| image(Variant::Kept, 0)));
        let slots = self.boundaries.len() * Variant::RANDOM.len();
        for (number, variant) in Variant::RANDOM.into_iter().enumerate() {
            let slot = index * Variant::RANDOM.len() + number;
            let rounds = slot * self.by_chance / slots..(slot + 1) * self.by_chance / slots;
            images.extend(rounds.map(|round| image(variant, seed(self.seed, round))));
        }
        images
    }
}

/// Different for each image, and the same each time.
fn seed(seed: u64, image: usize) -> u64 {
    fastrand::Rng::with_seed(seed ^ (image as u64) << 20).u64(..)
}

fn advance(recording: &Recording, disk: &mut Disk<'_>, owed: &mut Owed, next: &mut usize, last: usize) {
    for step in *next..=last {
        disk.apply(step);
        if let Event::Promise(promise) = &recording.steps[step].event {
            owed.add(promise);
        }
    }
    *next = last + 1;
}

/// Makes an image of a recording once more, and returns what is owed at that moment.
pub fn rebuild(recording: &Recording, image: ImageId, directory: &Path) -> Owed {
    let (mut disk, mut owed) = (Disk::new(&recording.kinds, &recording.steps), Owed::default());
    advance(recording, &mut disk, &mut owed, &mut 0, image.step);
    disk::lay(&disk.image(image.variant, image.seed), directory).unwrap();
    owed
}

/// Some images by chance, spread over the recording.
pub fn sample(recording: &Recording, count: usize, seed: u64) -> Vec<ImageId> {
    let boundaries = boundaries(recording);
    let mut random = fastrand::Rng::with_seed(seed);
    let part = boundaries.len() / count;
    let image = |number: usize| {
        let step = boundaries[number * part + random.usize(..part)].step;
        ImageId { step, variant: Variant::RANDOM[number % Variant::RANDOM.len()], seed: random.u64(..) }
    };
    (0..count).map(image).collect()
}

/// Fails if there is a finding, and keeps what is needed to look into the first one.
pub fn judge(name: &str, recording: &Recording, report: &Report, seed: u64) {
    let by_variant: Vec<String> = report.images.iter().map(|(variant, count)| format!("{variant:?} {count}")).collect();
    foreign::say(&format!(
        "power loss, {name}: {} boundaries, {} images ({}), {} promises looked for, {} not kept, seed {seed}",
        report.boundaries,
        report.images(),
        by_variant.join(", "),
        report.promises,
        report.findings.len()
    ));
    let Some(Finding { flaw, image }) = report.findings.first() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/power-loss");
    let kept: PathBuf = folder.join(format!("{name}-image"));
    // What an earlier failure left.
    let _ = std::fs::remove_dir_all(&kept);
    std::fs::create_dir_all(&kept).unwrap();
    rebuild(recording, *image, &kept);
    recording.keep(&folder.join(name));
    let step = &recording.steps[image.step];
    panic!(
        "{} of {} images are not as they should be; the first is cut after {image:?}, line {} of {}.strace, seed {seed}: {flaw:?}\n\
         The image is in {}. The same recording again: POWER_LOSS_RECORDING={} POWER_LOSS_SEED={seed} \
         POWER_LOSS_IMAGES={}",
        report.findings.len(),
        report.images(),
        step.line + 1,
        step.life,
        kept.display(),
        folder.display(),
        super::share(100)
    );
}
