//! The Dockerfile, as far as it can be looked at without building an image.

use crate::support::foreign;
use crate::support::program::Place;
use std::fs;
use std::path::Path;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_dockerfile_is_sound() {
    let Some(mut hadolint) = foreign::hadolint() else { return };
    let output = hadolint.arg("--no-color").arg(repository().join("Dockerfile")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_configuration_in_the_image_is_valid_and_there() {
    let place = Place::new();
    let config = "config/docker.toml";
    let mut command = place.command();
    let shown =
        command.args(["--config", config, "config", "show", "--json"]).current_dir(repository()).output().unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["server"]["listen"], "0.0.0.0:8730");
    let dockerfile = fs::read_to_string(repository().join("Dockerfile")).unwrap();
    for needed in [config, "VOLUME [\"/state\"]", "EXPOSE 8730", "HEALTHCHECK", "\nUSER 65532\n"] {
        assert!(dockerfile.contains(needed), "{needed}");
    }
    let compiler = concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"), "-");
    assert!(dockerfile.contains(compiler), "{compiler}");
    let configured = fs::read_to_string(repository().join(config)).unwrap();
    assert!(configured.contains("state_dir = \"/state\"") && configured.contains("folders = [\"/workouts\"]"));
}
