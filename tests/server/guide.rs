//! The samples of the API's public guide "Working with Sessions", with curl, verbatim but for host and token.

use crate::support::foreign;
use crate::support::program::Place;
use std::process::Command;

const CREATE: &str = r#"{
  "id": "someSessionId",
  "name": "My example workout",
  "description": "A very intense workout",
  "startTimeMillis": 1396710000000,
  "endTimeMillis": 1396713600000,
  "version": 1,
  "lastModifiedToken": "exampleToken",
  "application": {
    "detailsUrl": "http://example.com",
    "name": "Foo Example App",
    "version": "1.0"
  },
  "activityType": 1
}"#;

#[test]
fn both_samples_work() {
    if !foreign::has_curl() {
        return;
    }
    let place = Place::new();
    let daemon = place.start();
    std::fs::write(place.dir.path().join("createsession.json"), CREATE).unwrap();
    let shell = |script: &str| {
        let script = script
            .replace("https://www.googleapis.com", &format!("http://{}", daemon.address()))
            .replace("ya29.1.yourtokenvalue", &place.token());
        let output = Command::new("sh").args(["-ec", &script]).current_dir(place.dir.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let created = shell(
        "curl -s -f --header \"Authorization: Bearer ya29.1.yourtokenvalue\" -X PUT \
         --header \"Content-Type: application/json;encoding=utf-8\" -d @createsession.json \
         \"https://www.googleapis.com/fitness/v1/users/me/sessions/someSessionId\"",
    );
    assert_eq!(created["startTimeMillis"], "1396710000000");
    assert_eq!(created["activityType"], 1);
    assert_eq!(created["application"]["detailsUrl"], "http://example.com");
    let listed = shell(
        "curl -s -f --header \"Authorization: Bearer ya29.1.yourtokenvalue\" -X GET \
         --header \"Content-Type: application/json;encoding=utf-8\" \
         \"https://www.googleapis.com/fitness/v1/users/me/sessions?startTime=2014-04-01T00:00:00.000Z&endTime=2014-04-30T23:59:59.999Z\"",
    );
    assert_eq!(listed["session"], serde_json::json!([created]));
}
