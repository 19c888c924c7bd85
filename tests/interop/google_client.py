"""Google's own client for Python against our server: everything it can do with sessions, each result compared with what
was put. Arguments: the server's address, two tokens of two users. Prints one line per step; any difference is an error."""

import sys

import google.auth.exceptions
import google.oauth2.credentials
import googleapiclient.discovery
import googleapiclient.errors

COUNT = 2500
DAY = 86_400_000
START = 1_600_000_000_000
SERVER_SETS = "modifiedTimeMillis"


def client(address, token, bundled):
    credentials = google.oauth2.credentials.Credentials(token=token)
    if bundled:
        # The document that Google ships with the client, with only the address replaced.
        options = {"api_endpoint": f"http://{address}/fitness/v1/users/"}
        return googleapiclient.discovery.build(
            "fitness", "v1", credentials=credentials, client_options=options, static_discovery=True
        )
    url = f"http://{address}/$discovery/rest?version=v1"
    return googleapiclient.discovery.build(
        "fitness", "v1", credentials=credentials, discoveryServiceUrl=url, static_discovery=False
    )


def session(number):
    start = START + number * DAY
    return {
        "id": f"test:session/{number} ü",
        "name": f"Session {number}",
        "description": "first\nsecond",
        "startTimeMillis": str(start),
        "endTimeMillis": str(start + 3_600_000),
        "activeTimeMillis": "3500000",
        "activityType": (8, 1, 7)[number % 3],
        "application": {"name": "interop", "version": "1", "detailsUrl": "https://example.org/"},
    }


def by_id(sessions):
    found = {}
    for one in sessions:
        assert one["id"] not in found, f"twice: {one['id']}"
        assert int(one.pop(SERVER_SETS)) > START, one
        found[one["id"]] = one
    return found


def equal(found, expected, what):
    assert found == expected, f"{what}: {len(found)} found, {len(expected)} expected"
    print(f"{what}: {len(found)}", flush=True)


def rfc3339(millis):
    import datetime

    return datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc).isoformat()


def changes(api, token=None, **options):
    """All pages from a token on: until one that brings nothing."""
    sessions, deleted = [], []
    while True:
        page = api.list(userId="me", pageToken=token, includeDeleted=True, **options).execute()
        token = page["nextPageToken"]
        if not page.get("session") and not page.get("deletedSession"):
            return by_id(sessions), by_id(deleted), token
        sessions += page.get("session", [])
        deleted += page.get("deletedSession", [])


def refused(request, status):
    try:
        request.execute()
    except googleapiclient.errors.HttpError as error:
        assert error.resp.status == status, error
        assert error.reason, "Google's client understands the reason"
        return
    raise AssertionError(f"{request.uri} was not refused")


def main(address, token, other_token):
    api = client(address, token, bundled=True).users().sessions()
    expected = {}
    for number in range(COUNT):
        one = session(number)
        put = api.update(userId="me", sessionId=one["id"], body=one).execute()
        assert by_id([put]) == {one["id"]: one}, put
        expected[one["id"]] = one
    print(f"put: {COUNT}", flush=True)

    everything = {"startTime": rfc3339(START - DAY), "endTime": rfc3339(START + COUNT * DAY)}
    equal(by_id(api.list(userId="me", **everything).execute()["session"]), expected, "one window")

    pieces = {}
    for first in range(0, COUNT, 100):
        window = {"startTime": rfc3339(START + first * DAY), "endTime": rfc3339(START + (first + 100) * DAY - 1)}
        piece = by_id(api.list(userId="me", **window).execute().get("session", []))
        assert not piece.keys() & pieces.keys()
        pieces.update(piece)
    equal(pieces, expected, "windows of 100 days")

    runs = {key: one for key, one in expected.items() if one["activityType"] == 8}
    listed = api.list(userId="me", activityType=[8], **everything).execute()["session"]
    equal(by_id(listed), runs, "one activity type")

    sessions, deleted, token = changes(api)
    assert not deleted
    equal(sessions, expected, "change feed")
    assert changes(api, token) == ({}, {}, token), "nothing waits, and the token stays"

    gone = {}
    for number in range(0, COUNT, 10):
        one = expected.pop(session(number)["id"])
        assert not api.delete(userId="me", sessionId=one["id"]).execute()
        gone[one["id"]] = one
    renamed = expected[session(1)["id"]]
    renamed["name"] = "Renamed"
    api.update(userId="me", sessionId=renamed["id"], body=renamed).execute()
    sessions, deleted, _ = changes(api, token)
    equal(sessions, {renamed["id"]: renamed}, "changed since")
    equal(deleted, gone, "deleted since")
    equal(by_id(api.list(userId="me", **everything).execute()["session"]), expected, "what is left")

    only_ids = api.list(userId="me", fields="session(id)", **everything).execute()["session"]
    assert {tuple(one) for one in only_ids} == {("id",)} and len(only_ids) == len(expected)

    refused(api.delete(userId="me", sessionId="never was"), 404)
    refused(api.update(userId="me", sessionId="a", body=session(1)), 400)
    refused(api.list(userId="me", pageToken="made up"), 400)
    refused(api.list(userId="you"), 403)
    try:
        client(address, "wrong", bundled=True).users().sessions().list(userId="me").execute()
    except google.auth.exceptions.RefreshError:
        pass  # A 401 makes the client ask for another token.
    else:
        raise AssertionError("a wrong token was taken")

    other = client(address, other_token, bundled=False).users().sessions()
    assert "session" not in other.list(userId="me", **everything).execute(), "another user sees nothing"
    one = session(1)
    other.update(userId="me", sessionId=one["id"], body=one).execute()
    equal(by_id(other.list(userId="me").execute()["session"]), {one["id"]: one}, "our own discovery document")
    equal(by_id(api.list(userId="me", **everything).execute()["session"]), expected, "untouched by the other user")


main(*sys.argv[1:])
