"""Keys, rates, the shapes of errors, the log and the control endpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, requestlog
from tests.support.caller import Caller, Clock, upload

PATHS = {Host.MANAGEMENT: "/v1/collections", Host.API: "/v1/files"}


def get(emulator: Emulator, path: str, key: str | None, host: Host | None = None) -> HttpReply:
    headers = {} if key is None else {"authorization": key}
    return emulator.handle(HttpRequest("GET", host, path, headers=headers))


@pytest.mark.parametrize("one_port", [True, False])
@pytest.mark.parametrize("host", list(Host))
def test_each_host_takes_its_own_key_only(host: Host, one_port: bool) -> None:
    emulator = Emulator(Settings(management_key="m", api_key="a"))
    own, other = ("m", "a") if host is Host.MANAGEMENT else ("a", "m")
    came_to = None if one_port else host
    assert get(emulator, PATHS[host], f"Bearer {own}", came_to).status == 200
    assert get(emulator, PATHS[host], f"bearer {own}", came_to).status == 200
    for wrong in (f"Bearer {other}", "Bearer é", "Bearer ", f"Basic {own}", own, None):
        reply = get(emulator, PATHS[host], wrong, came_to)
        code = 16 if host is Host.MANAGEMENT else "The request does not have valid authentication credentials"
        assert (reply.status, reply.json()["code"]) == (401, code)
        assert ("www-authenticate" in reply.headers) is (host is Host.MANAGEMENT)


def test_a_wrong_api_key_may_be_a_400() -> None:
    emulator = Emulator(Settings(wrong_api_key_status=400))
    reply = get(emulator, "/v1/files", "Bearer wrong")
    assert (reply.status, reply.json()["error"]) == (400, "Incorrect API key provided")
    assert get(emulator, "/v1/collections", "Bearer wrong").status == 401


def test_a_management_key_describes_itself(caller: Caller) -> None:
    key = caller.call(endpoints.VALIDATE_MANAGEMENT_KEY)
    assert key.team_id == caller.emulator.settings.team_id
    assert "AddFileToCollection" in key.acls


@pytest.mark.parametrize(("counted", "other_key"), [("team", 429), ("key", 200)])
def test_a_rate_limit_counts_by_the_second(clock: Clock, counted: Any, other_key: int) -> None:
    caller = Caller(Emulator(Settings(rate_limit=2, rate_limit_of=counted), clock=clock))
    assert [caller.send(endpoints.LIST_FILES).status for _ in range(3)] == [200, 200, 429]
    assert caller.send(endpoints.LIST_COLLECTIONS).status == other_key
    clock.now += 1
    assert caller.send(endpoints.LIST_FILES).status == 200


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("flat", {"code": "not-found", "error": "collection c not found"}),
        (
            "nested",
            {"error": {"message": "collection c not found", "code": "not-found", "type": "not-found"}},
        ),
        ("int_code", {"code": 5, "message": "collection c not found", "details": []}),
    ],
)
def test_shapes_of_errors(shape: Any, expected: object) -> None:
    reply = Caller(Emulator(Settings(error_shape=shape))).send(endpoints.GET_COLLECTION, collection_id="c")
    assert (reply.status, reply.json()) == (404, expected)


def test_each_host_has_a_shape_of_its_own(caller: Caller) -> None:
    of_management = caller.send(endpoints.GET_COLLECTION, collection_id="c")
    assert of_management.json() == {"code": 5, "message": "collection c not found", "details": []}
    of_api = caller.send(endpoints.GET_FILE, file_id="f")
    assert of_api.json() == {"code": "Some requested entity was not found", "error": "file f not found"}


def test_every_answer_has_a_ray_and_those_about_files_a_trace(caller: Caller) -> None:
    answers = [
        (caller.send(endpoints.LIST_COLLECTIONS), False),
        (caller.send(endpoints.GET_COLLECTION, collection_id="c"), False),
        (caller.raw("GET", "/v1/nowhere"), False),
        (caller.send(endpoints.LIST_FILES), True),
        (caller.send(endpoints.GET_FILE, file_id="f"), True),
    ]
    assert len({reply.headers["cf-ray"] for reply, _ in answers}) == len(answers)
    assert [("traceparent" in reply.headers) for reply, _ in answers] == [traced for _, traced in answers]
    assert not any("x-request-id" in reply.headers for reply, _ in answers)


@pytest.mark.parametrize("shape", ["text", "html"])
def test_errors_that_are_not_json(shape: Any) -> None:
    reply = Caller(Emulator(Settings(error_shape=shape))).send(endpoints.GET_COLLECTION, collection_id="c")
    assert reply.status == 404
    assert reply.headers["content-type"].startswith("text/")
    assert b"collection c not found" in reply.body


def test_unknown_switches_and_values_are_refused() -> None:
    for wrong in ({"attach_thrice": "ok"}, {"attach_twice": "perhaps"}, {"batch_get_max": 0}):
        with pytest.raises(ValidationError):
            Settings(**wrong)


def test_the_log_tells_what_was_asked_but_no_key(caller: Caller) -> None:
    file_id = caller.file()
    caller.call(endpoints.GET_FILE, file_id=file_id)
    uploaded, read = caller.emulator.log
    assert (uploaded.n, uploaded.endpoint, uploaded.method, uploaded.path) == (1, "upload_file", "POST", "/v1/files")
    assert uploaded.bytes_in > 0
    assert (read.n, read.ids, read.status) == (2, {"file_id": file_id}, 200)
    assert "emulator-api-key" not in repr(caller.emulator.log)
    assert (caller.emulator.count("upload_file"), caller.emulator.count("delete_file")) == (1, 0)
    caller.emulator.reset_log()
    assert caller.emulator.log == ()
    assert caller.emulator.counts == {}


def test_the_log_is_bounded_and_the_counts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requestlog, "MAX_ENTRIES", 2)
    caller = Caller()
    for _ in range(3):
        caller.call(endpoints.LIST_FILES)
    assert [entry.n for entry in caller.emulator.log] == [2, 3]
    assert caller.emulator.count("list_files") == 3


def test_control_endpoints_need_no_key(caller: Caller) -> None:
    def control(method: str, name: str, body: object = None) -> HttpReply:
        payload = b"" if body is None else json.dumps(body).encode()
        return caller.emulator.handle(HttpRequest(method, None, f"/_emulator/{name}", body=payload))

    assert control("GET", "health").json()["status"] == "ok"
    assert control("POST", "faults", [{"status": 503, "times": 1}]).json() == {"rules": 1}
    assert caller.send(endpoints.UPLOAD_FILE, upload=upload("a.txt")).status == 503
    assert control("GET", "requests").json()["requests"][0]["fault"] == "times=1, status=503"
    assert control("GET", "counts").json() == {"upload_file": 1}
    assert control("POST", "reset-log").json() == {}
    assert control("GET", "requests").json() == {"requests": []}
    assert control("POST", "faults", [{"statos": 503}]).json() == {"error": "0.statos: Unexpected keyword argument"}
    unknown = control("GET", "faults")
    assert unknown.status == 404
    assert "POST /_emulator/faults" in unknown.json()["error"]
