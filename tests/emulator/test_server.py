"""The server on a real socket: two ports or one, delays, and connections that break."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from airflow_provider_xai_collections.emulator import (
    Emulator,
    FaultRule,
    HttpReply,
    HttpRequest,
    Settings,
    running,
)

MANAGEMENT = {"authorization": "Bearer emulator-management-key"}
API = {"authorization": "Bearer emulator-api-key"}


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    """Talks to one port that serves both hosts."""
    with running(emulator) as server:
        assert server.management_url == server.api_url
        with httpx.Client(base_url=server.api_url, headers=API, trust_env=False, timeout=10) as client:
            yield client


def test_a_file_goes_over_the_wire(client: httpx.Client, emulator: Emulator) -> None:
    content = bytes(range(256)) * 4096
    uploaded = client.post("/v1/files", data={"expires_after": "3600"}, files={"file": ("ä b.bin", content)}).json()
    assert (uploaded["bytes"], uploaded["filename"]) == (len(content), "ä b.bin")
    listed = client.get("/v1/files", params={"filter": 'name = "ä b.bin"', "limit": 1})
    assert [file["id"] for file in listed.json()["data"]] == [uploaded["id"]]
    assert listed.headers["cf-ray"]
    assert emulator.counts == {"upload_file": 1, "list_files": 1}


def test_ids_keep_their_encoding(client: httpx.Client, emulator: Emulator) -> None:
    assert client.get("/v1/files/a%2Fb?limit").status_code == 400
    assert emulator.log[-1].ids == {"file_id": "a/b"}


def test_two_ports_are_two_hosts(emulator: Emulator) -> None:
    with running(emulator, api_port=0) as server:
        assert server.management_url != server.api_url
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{server.management_url}/v1/collections", headers=MANAGEMENT).status_code == 200
            assert client.get(f"{server.api_url}/v1/files", headers=API).status_code == 200
            assert client.get(f"{server.api_url}/v1/collections", headers=MANAGEMENT).status_code == 404
            assert client.get(f"{server.management_url}/_emulator/health").status_code == 200


@pytest.mark.parametrize(("cut", "done"), [("before", 0), ("after", 1), ("partial", 1)])
def test_a_connection_may_break(client: httpx.Client, emulator: Emulator, cut: str, done: int) -> None:
    rules = [{"endpoint": "upload_file", "cut": cut, "times": 1}]
    assert client.post("/_emulator/faults", json=rules).status_code == 200
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/v1/files", files={"file": ("a.txt", b"whales")})
    assert len(client.get("/v1/files").json()["data"]) == done
    assert emulator.count("upload_file") == 1


def test_even_an_empty_answer_can_be_cut_in_the_middle(client: httpx.Client, emulator: Emulator) -> None:
    emulator.set_faults(FaultRule(body=b"", cut="partial"))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/v1/files")


def test_a_delay_is_waited_out(client: httpx.Client, emulator: Emulator) -> None:
    emulator.set_faults(FaultRule(delay=0.2))
    start = time.monotonic()
    assert client.get("/v1/files").status_code == 200
    assert time.monotonic() - start >= 0.2
    emulator.set_faults(FaultRule(delay=30))
    with pytest.raises(httpx.ReadTimeout):
        client.get("/v1/files", timeout=0.1)


def test_a_delay_counts_from_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator, handle, slept = Emulator(), Emulator.handle, list[float]()
    sleep = asyncio.sleep

    def work_for_a_while(self: Emulator, request: HttpRequest) -> HttpReply:
        time.sleep(0.1)
        return handle(self, request)

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(Emulator, "handle", work_for_a_while)
    emulator.set_faults(FaultRule(delay=30))
    with running(emulator) as server, monkeypatch.context() as patched:
        patched.setattr("airflow_provider_xai_collections.emulator.server.asyncio.sleep", note)
        assert httpx.get(f"{server.api_url}/v1/files", headers=API, trust_env=False).status_code == 200
    assert 20 < next(seconds for seconds in slept if seconds > 1) <= 29.9


@pytest.mark.parametrize(("size", "kept"), [(100, 100), (101, 100), (300_000, 100)])
def test_the_middle_of_a_body_may_be_thrown_away(size: int, kept: int) -> None:
    content = bytes(number % 251 for number in range(size))
    asked: list[HttpRequest] = []

    class Reader(Emulator):
        def handle(self, request: HttpRequest) -> HttpReply:
            asked.append(request)
            return super().handle(request)

    emulator = Reader(Settings(max_kept_bytes=100))
    with running(emulator) as server:
        httpx.post(f"{server.api_url}/v1/files", headers=API, content=content, trust_env=False)
    assert asked[0].body == (content if size == kept else content[:50] + content[-50:])
    assert emulator.log[0].bytes_in == size


def test_a_caller_who_leaves_in_the_middle_is_forgotten(client: httpx.Client, emulator: Emulator) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as caller:
        caller.sendall(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    assert client.get("/v1/files").status_code == 200
    assert emulator.count("upload_file") == 0


def test_it_stops_when_the_block_ends(emulator: Emulator) -> None:
    with running(emulator) as server:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.api_url, trust_env=False)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(OSError, match="in use"):
            with running(Emulator(), port=taken.getsockname()[1]):
                pass
