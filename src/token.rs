//! Bearer tokens in files that only their owner can read.

use crate::crash;
use crate::owner;
use secrecy::{ExposeSecret, SecretString};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// More than any token, in bytes.
const LONGEST: usize = 16 << 10;

/// Enough for a token and white space around it.
const LONGEST_FILE: u64 = 32 << 10;

/// Whether a header can carry this.
pub fn is_usable(token: &str) -> bool {
    (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads a token; surrounding white space does not count.
pub fn read(path: &Path) -> io::Result<SecretString> {
    read_from(File::open(path)?)
}

fn read_from(file: File) -> io::Result<SecretString> {
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    let token = text.trim();
    // What cannot stand in a header would fail later, and less clearly.
    if !is_usable(token) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds no token"));
    }
    Ok(SecretString::from(token))
}

/// Reads a token of our own server, and makes one first if there is none.
pub fn read_or_make(path: &Path) -> io::Result<SecretString> {
    if !path.try_exists()? {
        make(path)?;
    }
    let file = owner::open(path)?;
    // Somebody may have copied it here with a generous umask.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    read_from(file)
}

/// The file appears under its name with its whole content or not at all, and never replaces another process's.
fn make(path: &Path) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = owner::create_anew(&draft)?;
    writeln!(file, "{}", random()?.expose_secret())?;
    file.sync_all()?;
    crash::point("token.drafted");
    let linked = match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    crash::point("token.linked");
    std::fs::remove_file(&draft)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())?;
    linked
}

/// 256 random bits in hexadecimal.
pub fn random() -> io::Result<SecretString> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(SecretString::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = read_or_make(&path).unwrap();
        assert_eq!(token.expose_secret().len(), 64);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_or_make(&path).unwrap().expose_secret(), token.expose_secret());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for content in ["", " \n", "two words", &"x".repeat(LONGEST + 1)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
