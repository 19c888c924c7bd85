//! `fitferry man`: the manual, made of what the command line knows of itself.

use super::{Exit, output};
use anyhow::Context;
use clap::Command;
use clap_mangen::Man;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prints fitferry's manual page, or writes the pages of all its commands into a folder.
///
/// To read one that is not installed: fitferry man | man -l -
#[derive(clap::Args)]
pub struct Manual {
    /// A folder for one page per command; it is made if there is none.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Manual {
    pub fn run(&self, command: Command) -> anyhow::Result<Exit> {
        // A page that says how to print help would be one too many for each command.
        let mut command = command.disable_help_subcommand(true);
        command.build();
        match &self.dir {
            None => {
                let mut out = output::stdout();
                page(&command).render(&mut out)?;
                out.flush()?;
            }
            Some(dir) => {
                let written = fs::create_dir_all(dir).and_then(|()| write_all(&command, dir));
                written.with_context(|| format!("cannot write the manual into {}", dir.display()))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// The page of a command, and those of the commands below it.
fn write_all(command: &Command, dir: &Path) -> io::Result<()> {
    page(command).generate_to(dir)?;
    command.get_subcommands().try_for_each(|below| write_all(below, dir))
}

fn page(command: &Command) -> Man {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let source = concat!("fitferry ", env!("CARGO_PKG_VERSION"));
    // The date would be that of the build. Without a space the next word would be taken for it.
    Man::new(command.clone()).title(name).date(" ").source(source).manual("fitferry's commands")
}
