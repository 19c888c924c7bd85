//! What is said of files that are gone while others tell of all their sessions: a line for each folder, as people rename whole
//! folders.

use crate::events;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub fn tell(account: &str, gone: &[PathBuf]) {
    let mut folders = BTreeMap::<&Path, usize>::new();
    for folder in gone.iter().filter_map(|path| path.parent()) {
        *folders.entry(folder).or_default() += 1;
    }
    folders.into_iter().for_each(|(folder, files)| events::file_renamed(account, folder, files));
}
