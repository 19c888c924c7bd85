//! Google's own client for Python, which nobody here wrote, against our server.

use crate::support::foreign;
use crate::support::program::Place;

#[test]
fn googles_client_can_do_everything() {
    let Some(mut python) = foreign::python("google_client.py") else { return };
    let place = Place::new();
    let server = place.start();
    let output = place.run(&["serve", "token", "add", "other"]);
    assert!(output.status.success(), "{output:?}");
    let other = String::from_utf8(output.stdout).unwrap();
    let address = server.address().to_string();
    python.args([address.as_str(), &place.token(), other.trim()]);
    let output = python.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
