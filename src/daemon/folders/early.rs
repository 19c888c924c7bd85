//! Folders are listened to while the memory is opened: the one takes as long as the other where there are many files.

use crate::config::{Config, Watching};
use crate::watch::{HintSender, Hints};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Each folder by itself, as one may take for ever.
pub struct Early(HashMap<PathBuf, Listening>);

pub struct Listening {
    pub sender: HintSender,
    hints: JoinHandle<Hints>,
}

impl Early {
    /// Begins to listen, and waits for nothing.
    pub fn listen(config: &Config) -> io::Result<Self> {
        let folders = config.accounts.iter().flat_map(|account| &account.folders);
        folders
            .map(|folder| {
                let (path, is_asked) = (folder.path.clone(), folder.watch != Watching::Polling);
                let mut hints = Hints::open();
                let sender = hints.sender();
                let run = move || {
                    if is_asked {
                        hints.listen_ahead(&path);
                    }
                    hints
                };
                let hints = std::thread::Builder::new().name("listen".to_owned()).spawn(run)?;
                Ok((folder.path.clone(), Listening { sender, hints }))
            })
            .collect::<io::Result<_>>()
            .map(Self)
    }

    pub fn take(&mut self, folder: &Path) -> Option<Listening> {
        self.0.remove(folder)
    }
}

impl Listening {
    /// Waits until the folder is listened to.
    pub fn hints(self) -> Option<Hints> {
        // Whoever panicked ended the process.
        self.hints.join().ok()
    }
}
