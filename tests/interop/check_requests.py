"""Holds requests against the discovery document that Google ships with its Python client: JSON lines on stdin, each with
method, path and body. Prints how many were good; any other is an error."""

import json
import pathlib
import re
import sys
import urllib.parse

import googleapiclient.discovery_cache

DOCUMENT = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents" / "fitness.v1.json"
API = json.loads(DOCUMENT.read_text())
METHODS = API["resources"]["users"]["resources"]["sessions"]["methods"]


def method_of(verb, path):
    for name, method in METHODS.items():
        template = re.sub(r"\{\+?\w+\}", "[^/]+", method["path"])
        if verb == method["httpMethod"] and re.fullmatch(f"/{API['servicePath']}{template}", path):
            return name, method
    raise AssertionError(f"no method for {verb} {path}")


def check_value(value, schema, where):
    if "$ref" in schema:
        return check_object(value, API["schemas"][schema["$ref"]], where)
    kind, form = schema["type"], schema.get("format")
    if kind == "string":
        assert isinstance(value, str), f"{where}: {value!r} is no string"
        assert form != "int64" or re.fullmatch(r"-?\d{1,19}", value), f"{where}: {value!r} is no int64"
    elif kind == "integer":
        assert isinstance(value, int) and not isinstance(value, bool), f"{where}: {value!r} is no integer"
    else:
        raise AssertionError(f"{where}: {kind} is unexpected")


def check_object(value, schema, where):
    assert isinstance(value, dict), f"{where}: no object"
    for name, member in value.items():
        assert name in schema["properties"], f"{where}.{name} is unknown"
        check_value(member, schema["properties"][name], f"{where}.{name}")


def required(schema, method_id):
    return [
        name
        for name, member in schema["properties"].items()
        if method_id in member.get("annotations", {}).get("required", [])
    ]


def check(request):
    split = urllib.parse.urlsplit(request["path"])
    name, method = method_of(request["method"], split.path)
    known = method["parameters"].keys() | API["parameters"].keys()
    for key, _ in urllib.parse.parse_qsl(split.query, strict_parsing=True):
        assert key in known, f"the parameter {key} is unknown"
    if "request" in method:
        schema = API["schemas"][method["request"]["$ref"]]
        body = json.loads(request["body"])
        check_object(body, schema, name)
        missing = [key for key in required(schema, method["id"]) if key not in body]
        assert not missing, f"{missing} are missing"
        assert body["id"] == urllib.parse.unquote(split.path.rsplit("/", 1)[1])
    else:
        assert not request["body"]
    return name


counts = {}
for line in sys.stdin:
    name = check(json.loads(line))
    counts[name] = counts.get(name, 0) + 1
print(json.dumps(counts))
