//! A disk that keeps what was synced, and of the rest whatever it likes.

use super::events::{Event, Kind, Node, ROOT, Step};
use fastrand::Rng;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What a disk writes at once or not at all.
const SECTOR: usize = 512;

/// What becomes of that which was never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// Nothing of it survives.
    Dropped,
    /// All of it survives.
    Kept,
    /// A random part of the changes to files survives, in a random order.
    Shuffled,
    /// Of each write to a file each sector survives, or does not, or holds garbage.
    Torn,
    /// A random part of the names survives: files are missing, or back again. Of the changes to files, a random part.
    Nameless,
}

impl Variant {
    pub const RANDOM: [Self; 3] = [Self::Shuffled, Self::Torn, Self::Nameless];
}

#[derive(Clone, Debug)]
enum Content {
    Directory(BTreeMap<String, Node>),
    File(Vec<u8>),
    /// Never on any disk.
    SharedMemory,
}

/// A change that is not known to be on the disk.
#[derive(Clone, Copy, Debug)]
struct Pending {
    step: usize,
    done: bool,
}

#[derive(Clone, Debug)]
struct Durable {
    content: Content,
    pending: Vec<Pending>,
}

/// The disk at some step of a recording.
pub struct Disk<'a> {
    steps: &'a [Step],
    nodes: Vec<Durable>,
    /// What syncs that have begun will have made durable when they end, by the step of their beginning.
    syncs: HashMap<usize, Vec<usize>>,
}

impl<'a> Disk<'a> {
    pub fn new(kinds: &[Kind], steps: &'a [Step]) -> Self {
        let empty = |kind: &Kind| match kind {
            Kind::Directory => Content::Directory(BTreeMap::new()),
            Kind::File(_) if kind.is_shared_memory() => Content::SharedMemory,
            Kind::File(_) => Content::File(Vec::new()),
        };
        let nodes = kinds.iter().map(|kind| Durable { content: empty(kind), pending: Vec::new() }).collect();
        Self { steps, nodes, syncs: HashMap::new() }
    }

    /// Takes the next step.
    pub fn apply(&mut self, step: usize) {
        match &self.steps[step].event {
            Event::Write { node, .. } | Event::Resize { node, .. } | Event::Names { node, .. } => {
                if !matches!(self.nodes[*node].content, Content::SharedMemory) {
                    self.nodes[*node].pending.push(Pending { step, done: false });
                }
            }
            Event::Done { begun } => {
                let (Event::Write { node, .. } | Event::Resize { node, .. } | Event::Names { node, .. }) =
                    &self.steps[*begun].event
                else {
                    panic!("step {begun} is no change");
                };
                let pending = self.nodes[*node].pending.iter_mut();
                pending.filter(|pending| pending.step == *begun).for_each(|pending| pending.done = true);
            }
            Event::SyncBegin { node } => {
                let done = self.nodes[*node].pending.iter().filter(|pending| pending.done);
                self.syncs.insert(step, done.map(|pending| pending.step).collect());
            }
            Event::SyncEnd { begun } => {
                let Event::SyncBegin { node } = &self.steps[*begun].event else { panic!("step {begun} is no sync") };
                let covered = self.syncs.remove(begun).unwrap_or_default();
                let Durable { content, pending } = &mut self.nodes[*node];
                let is_covered = |pending: &Pending| covered.contains(&pending.step);
                pending.iter().filter(|change| is_covered(change)).for_each(|change| {
                    content.change(&self.steps[change.step].event);
                });
                pending.retain(|change| !is_covered(change));
            }
            Event::Promise(_) => {}
        }
    }

    /// Whether everything is known to be on the disk, so that there is one image only.
    pub fn is_settled(&self) -> bool {
        self.nodes.iter().all(|node| node.pending.is_empty())
    }

    /// What a power cut leaves.
    pub fn image(&self, variant: Variant, seed: u64) -> Image {
        let mut draw = Draw { disk: self, variant, random: Rng::with_seed(seed), share: 0, image: Image::new() };
        draw.share = [10, 50, 90][draw.random.usize(..3)];
        draw.node(ROOT, Path::new(""));
        draw.image
    }
}

/// Directories, and files with their bytes, by their path below the root.
pub type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Writes an image into an empty directory.
pub fn lay<'a>(
    image: impl IntoIterator<Item = (&'a PathBuf, &'a Option<Vec<u8>>)>,
    directory: &Path,
) -> std::io::Result<()> {
    // Directories come before what is in them.
    image.into_iter().try_for_each(|(path, bytes)| match bytes {
        Some(bytes) => std::fs::write(directory.join(path), bytes),
        None => std::fs::create_dir_all(directory.join(path)),
    })
}

impl Content {
    fn change(&mut self, event: &Event) {
        match (self, event) {
            (Self::File(bytes), Event::Write { offset, bytes: new, .. }) => write(bytes, *offset, new),
            (Self::File(bytes), Event::Resize { length, .. }) => bytes.resize(*length, 0),
            (Self::Directory(names), Event::Names { entries, .. }) => {
                for (name, node) in entries {
                    match node {
                        Some(node) => names.insert(name.clone(), *node),
                        None => names.remove(name),
                    };
                }
            }
            (content, event) => panic!("{event:?} does not fit {content:?}"),
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
}

/// An image that is being drawn.
struct Draw<'a> {
    disk: &'a Disk<'a>,
    variant: Variant,
    random: Rng,
    /// How likely a change survives where that is left to chance, in percent.
    share: u8,
    image: Image,
}

impl Draw<'_> {
    fn survives(&mut self) -> bool {
        self.random.u8(..100) < self.share
    }

    fn node(&mut self, node: Node, path: &Path) {
        let disk = self.disk;
        let Durable { content, pending } = &disk.nodes[node];
        let mut content = content.clone();
        match &mut content {
            Content::Directory(_) => self.names(&mut content, pending),
            Content::File(bytes) => self.bytes(bytes, pending),
            Content::SharedMemory => {}
        }
        let bytes = match content {
            Content::Directory(names) => {
                names.into_iter().for_each(|(name, node)| self.node(node, &path.join(name)));
                None
            }
            Content::File(bytes) => Some(bytes),
            Content::SharedMemory => {
                let mut garbage = vec![0; 32 << 10];
                self.random.fill(&mut garbage);
                Some(garbage)
            }
        };
        self.image.insert(path.to_path_buf(), bytes);
    }

    fn names(&mut self, content: &mut Content, pending: &[Pending]) {
        for change in pending {
            let survives = match self.variant {
                Variant::Dropped => false,
                Variant::Kept | Variant::Shuffled | Variant::Torn => true,
                Variant::Nameless => self.survives(),
            };
            if survives {
                content.change(&self.disk.steps[change.step].event);
            }
        }
    }

    fn bytes(&mut self, bytes: &mut Vec<u8>, pending: &[Pending]) {
        let steps = self.disk.steps;
        let mut changes: Vec<&Event> = pending.iter().map(|change| &steps[change.step].event).collect();
        match self.variant {
            Variant::Dropped => return,
            Variant::Kept => {}
            Variant::Shuffled => {
                changes.retain(|_| self.survives());
                self.random.shuffle(&mut changes);
            }
            Variant::Nameless => changes.retain(|_| self.survives()),
            Variant::Torn => return changes.into_iter().for_each(|change| self.tear(bytes, change)),
        }
        for change in changes {
            match change {
                Event::Write { offset, bytes: new, .. } => write(bytes, *offset, new),
                Event::Resize { length, .. } => bytes.resize(*length, 0),
                other => panic!("{other:?} is no change of a file"),
            }
        }
    }

    fn tear(&mut self, bytes: &mut Vec<u8>, change: &Event) {
        match change {
            Event::Resize { length, .. } if self.survives() => bytes.resize(*length, 0),
            Event::Write { offset, bytes: new, .. } => {
                let mut begin = 0;
                while begin < new.len() {
                    // Up to the next boundary of a sector of the file.
                    let end = new.len().min(begin + SECTOR - (offset + begin) % SECTOR);
                    match self.random.u8(..10) {
                        0 => {
                            let mut garbage = vec![0; end - begin];
                            self.random.fill(&mut garbage);
                            write(bytes, offset + begin, &garbage);
                        }
                        _ if self.survives() => write(bytes, offset + begin, &new[begin..end]),
                        _ => {}
                    }
                    begin = end;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Node = 1;

    fn write(offset: usize, bytes: &[u8]) -> Event {
        Event::Write { node: FILE, offset, bytes: bytes.to_vec() }
    }

    fn names(node: Option<Node>) -> Event {
        Event::Names { node: ROOT, entries: vec![("file".to_owned(), node)] }
    }

    fn steps(events: Vec<Event>) -> Vec<Step> {
        events.into_iter().map(|event| Step { life: 0, line: 0, event }).collect()
    }

    /// What is left of the file after all steps.
    fn left(steps: &[Step], variant: Variant, seed: u64) -> Option<Vec<u8>> {
        let mut disk = Disk::new(&[Kind::Directory, Kind::File("file".to_owned())], steps);
        (0..steps.len()).for_each(|step| disk.apply(step));
        disk.image(variant, seed).remove(Path::new("file")).flatten()
    }

    #[test]
    fn a_sync_covers_what_was_over_when_it_began() {
        let steps = steps(vec![
            names(Some(FILE)),
            Event::Done { begun: 0 },
            Event::SyncBegin { node: ROOT },
            Event::SyncEnd { begun: 2 },
            write(0, b"one"),
            Event::Done { begun: 4 },
            write(3, b"two"),
            Event::SyncBegin { node: FILE },
            Event::Done { begun: 6 },
            write(6, b"three"),
            Event::Done { begun: 9 },
            Event::SyncEnd { begun: 7 },
        ]);
        assert_eq!(left(&steps, Variant::Dropped, 0).unwrap(), b"one");
        assert_eq!(left(&steps, Variant::Kept, 0).unwrap(), b"onetwothree");
        assert_eq!(left(&steps[..11], Variant::Dropped, 0).unwrap(), b"", "the sync has not ended");
    }

    #[test]
    fn a_name_is_content_of_its_directory() {
        let mut events = vec![names(Some(FILE)), write(0, b"all"), Event::Done { begun: 1 }];
        events.extend([Event::SyncBegin { node: FILE }, Event::SyncEnd { begun: 3 }]);
        let created = steps(events.clone());
        assert_eq!(left(&created, Variant::Dropped, 0), None);
        assert_eq!(left(&created, Variant::Kept, 0).unwrap(), b"all");
        events.extend([Event::Done { begun: 0 }, Event::SyncBegin { node: ROOT }, Event::SyncEnd { begun: 6 }]);
        events.push(names(None));
        let removed = steps(events);
        assert_eq!(left(&removed, Variant::Dropped, 0).unwrap(), b"all", "it is back");
        assert_eq!(left(&removed, Variant::Kept, 0), None);
        let both: std::collections::BTreeSet<_> = (0..50).map(|seed| left(&removed, Variant::Nameless, seed)).collect();
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn a_write_is_torn_where_sectors_end() {
        let mut events = vec![names(Some(FILE)), write(0, &[1; 2000]), Event::Done { begun: 1 }];
        events.extend([Event::SyncBegin { node: FILE }, Event::SyncEnd { begun: 3 }]);
        events.push(write(500, &[2; 1000]));
        let steps = steps(events);
        for seed in 0..200 {
            let bytes = left(&steps, Variant::Torn, seed).unwrap();
            assert!(
                bytes.len() == 2000 && bytes[..500] == [1; 500] && bytes[1500..] == [1; 500],
                "what was not written"
            );
            for sector in [500..512, 512..1024, 1024..1500] {
                let sector = &bytes[sector];
                let is_whole = sector.iter().all(|byte| *byte == sector[0] && [1, 2].contains(byte));
                let is_garbage = sector.iter().any(|byte| ![1, 2].contains(byte));
                assert!(is_whole || is_garbage, "{sector:?}");
            }
        }
        let images: std::collections::BTreeSet<_> = (0..200).map(|seed| left(&steps, Variant::Torn, seed)).collect();
        assert!(images.len() > 8);
        assert_eq!(left(&steps, Variant::Torn, 7), left(&steps, Variant::Torn, 7));
    }

    #[test]
    fn a_random_part_survives_in_a_random_order() {
        let steps =
            steps(vec![names(Some(FILE)), write(0, b"ab"), write(1, b"c"), Event::Resize { node: FILE, length: 3 }]);
        let images: std::collections::BTreeSet<_> =
            (0..500).map(|seed| left(&steps, Variant::Shuffled, seed)).collect();
        for image in [&b""[..], b"ab", b"ac", b"ab\0", b"ac\0", b"\0c", b"\0c\0", b"\0\0\0"] {
            assert!(images.contains(&Some(image.to_vec())), "{image:?}");
        }
        assert_eq!(images.len(), 8);
    }
}
