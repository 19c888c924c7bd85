//! Where the settings file and the state directory are, by flags and environment.

use super::Error;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The environment as it was at start, so that everything below is a function of values.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    pub fn of_process() -> Result<Self, Error> {
        Self::of_variables(std::env::vars_os())
    }

    fn of_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        let mut known = HashMap::new();
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(known.insert(name, value)),
                (name, _) => {
                    let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
                    // Those of others are nothing to us.
                    if name.starts_with("FITFERRY_") {
                        return Err(Error::value(name.escape_debug().to_string(), "in the environment is not UTF-8"));
                    }
                }
            }
        }
        Ok(Self(known))
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

    /// The file of a credential that systemd may have handed over.
    pub fn credential(&self, name: &str) -> Option<PathBuf> {
        Some(self.path("CREDENTIALS_DIRECTORY")?.join(name))
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
        return match regular(&path).and_then(|()| File::open(&path)) {
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

/// Refuses what is not a file: opening a pipe would wait for somebody who writes into it.
pub fn regular(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// A path that two spellings of the same place share, as far as that can be told.
pub fn real(path: &Path) -> PathBuf {
    let plain = path.canonicalize().unwrap_or_else(|_| without_dots(path));
    // What does not exist yet will be made below what does.
    let below = |existing: &Path| Some(existing.canonicalize().ok()?.join(plain.strip_prefix(existing).ok()?));
    plain.ancestors().find_map(below).unwrap_or(plain.clone())
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn only_our_own_variables_must_be_text() {
        let of = |name: &str| {
            let value = OsString::from_vec(b"\xff".to_vec());
            Environment::of_variables([(OsString::from(name), value)].into_iter())
        };
        assert!(of("THEIRS").is_ok());
        let error = of("FITFERRY_TIMEZONE").unwrap_err().to_string();
        assert!(error.contains("`FITFERRY_TIMEZONE`") && error.contains("UTF-8"), "{error}");
    }
}
