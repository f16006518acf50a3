"""Object storage as it is: a server that speaks S3, Airflow's provider of it, and a connection between them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.scanning import prepare, read_item, scan
from tests.object_storage import nothing_attached
from tests.operators.stage import FlyingTime, Xai, clock, xai
from tests.operators.syncs import contents, counts, only_id, sync

__all__ = ["clock", "xai"]

BUCKET = "company"
SOURCE = f"s3://aws_library@{BUCKET}/handbook"
KEYS = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "not-a-real-secret"}
#: Objects on a page of a listing. S3 has 1,000.
PAGE = 3
#: Keys as other programs write them.
ODD = (
    " leads with a blank.md",
    "100%25 & more+less=equal.md",
    "a//b.md",
    "déjà vu/日本.md",
    "hash#question?.md",
    "it's.md",
)


class Server:
    """The S3 server with one bucket.

    :param url: where it listens.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **KEYS)

    def put(self, **objects: str) -> None:
        """Write objects below the source; one text for each key."""
        for key, text in objects.items():
            self.client.put_object(Bucket=BUCKET, Key=f"handbook/{key}", Body=text.encode())

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"handbook/{key}")

    def let_in(self, *, everybody: bool) -> None:
        """Answer all, or answer nobody but with 403."""
        self.post("reset-auth", "inf" if everybody else "0")

    def post(self, what: str, body: str = "") -> None:
        httpx.post(f"{self._url}/moto-api/{what}", content=body, trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """On loopback, and a port that is free."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))
        running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        running.start()
        host, port = running.get_host_and_port()
        connection = {
            "conn_type": "aws",
            "login": KEYS["aws_access_key_id"],
            "password": KEYS["aws_secret_access_key"],
            "extra": {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"},
        }
        patch.setenv("AIRFLOW_CONN_AWS_LIBRARY", json.dumps(connection))
        yield Server(f"http://{host}:{port}")
        running.stop()


@pytest.fixture
def s3(server: Server) -> Iterator[Server]:
    """An empty bucket, that Airflow has not looked into yet."""
    server.post("reset")
    server.let_in(everybody=True)
    server.client.create_bucket(Bucket=BUCKET)
    S3FileSystem.clear_instance_cache()
    with nothing_attached("s3"):
        yield server


def listed(choice: Choice | None = None) -> dict[str, SourceItem]:
    return {item.name: item for item in scan(SOURCE, choice, limit_bytes=1_000)}


def text_of(item: SourceItem) -> str:
    with read_item(item).open() as stream:
        return stream.read().decode()


def test_all_pages_of_a_folder_are_listed_and_nothing_beside_it(s3: Server) -> None:
    s3.put(**{f"{number}/page.md": f"page {number}" for number in range(2 * PAGE + 1)})
    s3.put(**{"../handbook-of-others/a.md": "not ours", ".hidden/a.md": "hidden", "folder/": ""})
    items = listed()
    assert {name: text_of(item) for name, item in items.items()} == {
        f"{number}/page.md": f"page {number}" for number in range(2 * PAGE + 1)
    }
    assert items["0/page.md"].uri == f"s3://{BUCKET}/handbook/0/page.md"
    assert items["0/page.md"].size == len("page 0")
    assert sorted(listed(Choice("1/*", "*.txt"))) == ["1/page.md"]


def test_keys_are_read_by_the_very_name_that_they_have(s3: Server) -> None:
    s3.put(**{key: f"text of {key}" for key in ODD})
    assert {name: text_of(item) for name, item in listed().items()} == {key: f"text of {key}" for key in ODD}


def test_another_process_reads_what_was_listed(s3: Server) -> None:
    s3.put(**{"a.md": "alpha"})
    item = listed()["a.md"]
    with nothing_attached("s3"):
        S3FileSystem.clear_instance_cache()
        prepare([item])
        assert text_of(item) == "alpha"


def test_a_change_is_seen_by_the_next_listing_and_on_reading(s3: Server) -> None:
    s3.put(**{"a.md": "alpha", "b.md": "beta", "deep/c.md": "gamma"})
    before = listed()
    s3.put(**{"a.md": "ALPHA"})  # as long as it was
    s3.put(**{"deep/d.md": "delta"})
    s3.delete("b.md")
    with pytest.raises(XAISourceError, match=r"a\.md (changed since|cannot be read .*no longer exists)"):
        read_item(before["a.md"])
    after = listed()
    assert sorted(after) == ["a.md", "deep/c.md", "deep/d.md"]
    assert after["a.md"].fingerprint != before["a.md"].fingerprint
    assert after["deep/c.md"] == before["deep/c.md"]
    assert text_of(after["a.md"]) == "ALPHA"


def test_who_is_not_let_in_gets_an_error_of_ours_and_no_empty_list(s3: Server) -> None:
    s3.put(**{"a.md": "alpha"})
    item = listed()["a.md"]
    s3.let_in(everybody=False)
    with pytest.raises(XAISourceError, match=rf"{SOURCE} cannot be listed") as refused:
        listed()
    assert "does not exist" not in str(refused.value)
    with pytest.raises(XAISourceError, match=rf"{SOURCE}/\*\.md cannot be listed"):
        scan(f"{SOURCE}/*.md", limit_bytes=1_000)
    with pytest.raises(XAISourceError, match=r"a\.md cannot be read"):
        read_item(item)


@pytest.mark.parametrize("source", ["s3://aws_library@nobodys/handbook", f"s3://aws_library@{BUCKET}/nothing"])
def test_a_bucket_or_folder_that_is_missing_is_an_error_that_says_so(s3: Server, source: str) -> None:
    with pytest.raises(XAISourceError, match=rf"{source} does not exist"):
        scan(source, limit_bytes=1_000)


def test_a_collection_is_kept_in_step_with_a_folder(s3: Server, xai: Xai, clock: FlyingTime) -> None:
    s3.put(**{"a.md": "alpha", "b.md": "beta", "deep/c d.md": "gamma", "empty.md": ""})
    assert counts(sync(SOURCE, prune=True)) == {"documents": 4, "added": 3, "skipped": 1}
    assert counts(sync(SOURCE, prune=True)) == {"documents": 4, "kept": 3, "skipped": 1}
    s3.put(**{"a.md": "ALPHA", "e.md": "epsilon"})
    s3.delete("b.md")
    again = counts(sync(SOURCE, prune=True, max_prune=1))
    assert again.pop("outdated_removed") == 1
    assert again == {"documents": 4, "added": 1, "replaced": 1, "kept": 1, "removed": 1, "skipped": 1}
    assert contents(xai, only_id(xai)) == {"a.md": "ALPHA", "deep/c d.md": "gamma", "e.md": "epsilon"}
    s3.let_in(everybody=False)
    with pytest.raises(Exception, match="cannot be listed"):
        sync(SOURCE, prune=True, max_prune=None)
    assert len(contents(xai, only_id(xai))) == 3
