//! Where the settings file and the state directory are, by flags and environment.

use super::Error;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The environment as it was at start, so that everything below is a function of values.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    pub fn of_process() -> Self {
        // A variable that is not UTF-8 cannot be one of ours.
        let text = |value: std::ffi::OsString| value.into_string().ok();
        Self(std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect())
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The variables that are settings.
    pub fn settings(&self) -> HashMap<String, String> {
        let is_setting = |name: &str| name.starts_with("FITFERRY_") && name != "FITFERRY_CONFIG";
        self.0.iter().filter(|(name, _)| is_setting(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// The settings file: the one that was named, which must exist, else the first of the usual places.
pub fn config_file(flag: Option<&Path>, environment: &Environment) -> Result<Option<PathBuf>, Error> {
    if let Some(path) = flag.map(Path::to_path_buf).or_else(|| environment.path("FITFERRY_CONFIG")) {
        return match std::fs::File::open(&path) {
            Ok(_) => Ok(Some(path)),
            Err(source) => Err(Error::Unreadable { path, source }),
        };
    }
    let usual = [
        xdg(environment, "XDG_CONFIG_HOME", ".config").map(|dir| dir.join("fitferry/fitferry.toml")),
        Some(PathBuf::from("/etc/fitferry/fitferry.toml")),
    ];
    Ok(usual.into_iter().flatten().find(|path| path.exists()))
}

/// The state directory, from the first that says one: flag, settings, `$STATE_DIRECTORY` of systemd, XDG.
pub fn state_dir(chosen: Option<PathBuf>, environment: &Environment) -> Result<PathBuf, Error> {
    // systemd may list several, separated by colons; the first is ours.
    let by_systemd = || environment.get("STATE_DIRECTORY")?.split(':').next().map(PathBuf::from);
    chosen
        .or_else(by_systemd)
        .or_else(|| xdg(environment, "XDG_STATE_HOME", ".local/state").map(|dir| dir.join("fitferry")))
        .ok_or(Error::NoStateDir)
}

fn xdg(environment: &Environment, variable: &str, in_home: &str) -> Option<PathBuf> {
    environment.path(variable).or_else(|| Some(environment.path("HOME")?.join(in_home)))
}
