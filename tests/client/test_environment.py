"""Proxies and certificates that the environment names: used as meant, or refused by name."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_xai_collections.airflow_errors import XAIFailException, for_operator
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.client.certificates import load
from airflow_provider_xai_collections.client.proxies import proxy_for
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAITransportError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.client.test_sockets import CREATE, GET, Run, answering, head_of, listening, run_async, run_sync, settings_for
from tests.conftest import Connect
from tests.unprivileged import as_nobody, public

FAR = "https://management.invalid"
SETTINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
Set = Callable[..., None]


@pytest.fixture(params=[run_sync, run_async])
def run(request: pytest.FixtureRequest) -> Run:
    """Either driver."""
    chosen: Run = request.param
    return chosen


@pytest.fixture(autouse=True)
def set_(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets what is named, in an environment that names nothing else of the kind."""
    for name in (*SETTINGS, *OTHERS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def set_(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))

    return set_


def refusal(run: Run, url: str = FAR) -> str:
    """The words with which a client is not made; all there is to read of the error is searched for the password."""
    with pytest.raises(XAIArgumentError) as caught:
        run(call(GET), settings_for(url))
    error: BaseException | None = caught.value
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    while error is not None:
        assert "hun" not in f"{error!r}{error}"
        error = error.__cause__ or error.__context__
    return str(pickle.loads(pickle.dumps(caught.value)))


# Proxies


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("http://user:hunter2@proxy:port", "its port is no number, or its host is none"),
        ("http://user:hun#ter2@proxy:3128", "its port is no number, or its host is none"),
        ("http://user:1/hunter2@proxy:3128", "a character of its user or password ends them too early"),
        ("http://user:hun@ter2@proxy:3128", "a character of its user or password ends them too early"),
        ("ftp://user:hunter2@proxy:3128", "it begins with none of http://, https://, socks5://, socks5h://"),
        ("http://user:hunter2@", "it has no host"),
        ("http://", "it has no host"),
        ("http://[hunter2", "its port is no number, or its host is none"),
        ("http://user:hunter2@pro\x7fxy:1", "httpx cannot read it"),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "https_proxy"])
def test_a_proxy_that_is_none_is_refused_by_the_name_of_its_setting(
    run: Run, set_: Set, name: str, value: str, why: str
) -> None:
    set_(**{name: value})
    said = refusal(run)
    assert said.startswith(f"{name.upper()} is no address of a proxy: {why}. Write it as http://[user:password@]host:")


def test_a_socks_proxy_needs_its_package(run: Run, set_: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_xai_collections.client.proxies.find_spec", lambda name: None)
    set_(ALL_PROXY="socks5://user:hunter2@proxy:1080")
    said = refusal(run)
    assert said.startswith("ALL_PROXY names a SOCKS proxy, for which the package socksio is missing. Install it on ")
    assert "or name a proxy that speaks HTTP (http://host:port)" in said


def tunnels(heads: list[bytes]) -> Callable[[socket.socket], None]:
    def refuse(connection: socket.socket) -> None:
        heads.append(head_of(connection))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    return refuse


def test_a_password_written_as_the_refusal_says_arrives_at_the_proxy_and_nowhere_else(
    run: Run, set_: Set, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    heads: list[bytes] = []
    with listening(tunnels(heads)) as proxy:
        place = proxy.url.removeprefix("http://")
        set_(HTTPS_PROXY=f"http://user:hun%40%3A%2F%23ter2@{place}")
        with pytest.raises(XAITransportError) as caught:
            run(call(CREATE), settings_for(FAR))
    assert b"Proxy-Authorization: Basic dXNlcjpodW5AOi8jdGVyMg==" in heads[0]
    assert (
        "create_collection(docs): no usable answer from management.invalid:443 (ProxyError: 407 Proxy Authentication "
        f"Required). It goes through the proxy {place} that HTTPS_PROXY names: check that one"
    ) in str(caught.value)
    assert caught.value.sent is False
    text = caplog.text + "".join(traceback.format_exception(caught.value))
    assert not [word for word in ("ter2", "dXNlcjpodW5") if word in text]
    assert "ter2" not in repr(proxy_for(Service(FAR)))


@pytest.mark.parametrize("value", ["{place}", "http://{place}"])
def test_a_proxy_for_all_serves_where_no_other_is_named(run: Run, set_: Set, value: str) -> None:
    heads: list[bytes] = []
    with listening(tunnels(heads)) as proxy:
        set_(ALL_PROXY=value.format(place=proxy.url.removeprefix("http://")), HTTP_PROXY="http://nowhere.invalid")
        with pytest.raises(XAITransportError, match="that ALL_PROXY names"):
            run(call(GET), settings_for(FAR))
    assert heads[0].startswith(b"CONNECT management.invalid:443 ")


def test_a_proxy_that_is_not_there_is_what_to_check(run: Run, set_: Set) -> None:
    set_(HTTPS_PROXY="http://127.0.0.1:1")
    with pytest.raises(XAITransportError, match=r"goes through the proxy 127\.0\.0\.1:1 that HTTPS_PROXY names: check"):
        run(call(GET), settings_for(FAR))


@pytest.mark.parametrize(
    ("exempt", "host"),
    [
        ("*", "api.x.ai"),
        ("x.ai", "api.x.ai"),
        ("X.AI", "x.ai"),
        (".x.ai", "api.x.ai"),
        ("*.x.ai", "api.x.ai"),
        ("other.example, api.x.ai", "api.x.ai"),
        ("api.x.ai:8443", "api.x.ai:8443"),
        ("https://api.x.ai", "api.x.ai"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("fd00::/8", "[fd00::1]"),
        ("fd00::1", "[fd00::1]"),
        ("[fd00::1]", "[fd00::1]"),
        ("[fd00::1]:8443", "[fd00::1]:8443"),
        ("host:notaport,::1/128,[::1],x.ai", "api.x.ai"),
    ],
)
def test_no_proxy_is_used_for_what_is_exempt(set_: Set, exempt: str, host: str) -> None:
    set_(HTTPS_PROXY="http://proxy:3128", NO_PROXY=exempt)
    assert proxy_for(Service(f"https://{host}")) is None


@pytest.mark.parametrize(
    ("exempt", "host"),
    [
        ("", "api.x.ai"),
        (" , ,", "api.x.ai"),
        (".x.ai", "x.ai"),
        ("ai", "x.aix"),
        ("pi.x.ai", "api.x.ai"),
        ("api.x.ai:8443", "api.x.ai"),
        ("http://api.x.ai", "api.x.ai"),
        ("http://*", "api.x.ai"),
        ("10.0.0.0/8", "11.1.2.3"),
        ("::1/128", "10.1.2.3"),
        ("0.0.0.0/0", "api.x.ai"),
        ("host:notaport", "api.x.ai"),
        (".", "api.x.ai"),
    ],
)
def test_a_proxy_is_used_for_what_is_not(set_: Set, exempt: str, host: str) -> None:
    set_(HTTPS_PROXY="http://proxy:3128", NO_PROXY=exempt)
    assert "proxy:3128" in str(proxy_for(Service(f"https://{host}")))


def test_what_cannot_be_read_of_the_exempt_is_skipped_with_one_warning(
    run: Run, set_: Set, caplog: pytest.LogCaptureFixture
) -> None:
    entry = f"host:{run.__name__}"
    set_(HTTPS_PROXY="http://127.0.0.1:1", NO_PROXY=f"::1/128,[::1],{entry}")
    for _ in range(2):
        with pytest.raises(XAITransportError):
            run(call(GET), settings_for(FAR))
    assert [record.getMessage() for record in caplog.records if "NO_PROXY" in record.getMessage()] == [
        f"NO_PROXY: {entry!r} cannot be read and is skipped"
    ]


def test_settings_of_proxies_do_not_matter_to_this_machine(run: Run, set_: Set) -> None:
    set_(HTTP_PROXY="ftp://user:hunter2@x:port", ALL_PROXY="socks5://", NO_PROXY="host:notaport")
    with listening(answering) as server:
        assert run(call(GET), settings_for(server.url)).collection_id == "c"


# Certificates


class Authority(NamedTuple):
    """Somebody who signs, and the file with its certificate."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    path: Path


def certificate(
    common_name: str, key: ec.EllipticCurvePrivateKey, signed_by: tuple[x509.Name, ec.EllipticCurvePrivateKey]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(signed_by[0])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=1))
    )


def pem(thing: Any) -> bytes:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    return bytes(thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A company's own, which nobody else knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Whaling Company")])
    builder = certificate("Whaling Company", key, (name, key))
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    path = tmp_path_factory.mktemp("authority") / "company.pem"
    path.write_bytes(pem(signed))
    return Authority(key, name, path)


@pytest.fixture(params=["valid"])
def secure(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[str]:
    """The address of a server of the company, whose certificate is valid or not."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = certificate("gateway", key, (authority.name, authority.key))
    address = "127.0.0.1" if request.param != "of another host" else "127.0.0.2"
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    signed = builder.add_extension(names, critical=False).sign(authority.key, hashes.SHA256())
    chain = tmp_path / "server.pem"
    chain.write_bytes(pem(signed) + pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)

    def behave(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                answering(wrapped)
        except OSError:
            pass  # the client does not trust us

    with listening(behave) as server:
        yield server.url.replace("http://", "https://")


def test_an_authority_of_ones_own_is_trusted_once_the_setting_names_it(
    run: Run, set_: Set, secure: str, authority: Authority
) -> None:
    said = refusal(run, secure)
    assert said.startswith(
        f"get_collection(c): {secure.removeprefix('https://')} shows a certificate of an authority that is not trusted "
        "here (unable to get local issuer certificate). If it is your company's"
    )
    assert "set SSL_CERT_FILE to a PEM file with its certificate" in said
    set_(SSL_CERT_FILE=authority.path)
    assert run(call(GET), settings_for(secure)).collection_id == "c"


@pytest.mark.parametrize("name", OTHERS)
def test_settings_of_other_libraries_are_a_hint(
    run: Run, set_: Set, secure: str, authority: Authority, name: str
) -> None:
    set_(**{name: authority.path})
    assert f"{name} is not read here: set SSL_CERT_FILE to the same file, on every worker" in refusal(run, secure)
    set_(SSL_CERT_FILE=os.environ[name])
    assert run(call(GET), settings_for(secure)).collection_id == "c"


def test_a_file_without_the_authority_is_where_to_add_it(
    run: Run, set_: Set, secure: str, authority: Authority, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    other = certificate("other", key, (authority.name, authority.key)).sign(authority.key, hashes.SHA256())
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(pem(other))
    set_(SSL_CERT_FILE=bundle)
    assert f"SSL_CERT_FILE is '{bundle}', and does not have it: add its certificate there" in refusal(run, secure)
    together = tmp_path / "together.pem"  # what a process has loaded it keeps
    together.write_bytes(bundle.read_bytes() + authority.path.read_bytes())
    set_(SSL_CERT_FILE=together)
    assert run(call(GET), settings_for(secure)).collection_id == "c"


@pytest.mark.parametrize("secure", ["of another host"], indirect=True)
def test_a_certificate_of_another_host_is_no_question_of_trust(
    run: Run, set_: Set, secure: str, authority: Authority
) -> None:
    set_(SSL_CERT_FILE=authority.path)
    with pytest.raises(XAITransportError, match="Its certificate is not accepted: check the host in the c") as caught:
        run(call(CREATE), settings_for(secure))
    assert caught.value.sent is False


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"", "there is no certificate in it"),
        (b"x", "there is no certificate in it"),
    ],
)
def test_a_file_of_certificates_that_is_none_is_refused_by_the_name_of_its_setting(
    run: Run, set_: Set, tmp_path: Path, secure: str, content: bytes | None, why: str
) -> None:
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_bytes(content)
    set_(SSL_CERT_FILE=path)
    said = refusal(run)
    assert said == (
        f"SSL_CERT_FILE is '{path}', and cannot be used ({why}). Set it to a file of PEM certificates on every worker "
        "and triggerer, or unset it to trust the public authorities"
    )
    set_(SSL_CERT_FILE="")
    assert "is not trusted here" in refusal(run, secure), "the client is made"


def test_a_folder_in_the_place_of_the_file_is_refused(run: Run, set_: Set, tmp_path: Path) -> None:
    set_(SSL_CERT_FILE=tmp_path)
    assert refusal(run).startswith(f"SSL_CERT_FILE is '{tmp_path}', and cannot be used (Is a directory). ")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the advice is to run openssl, which is not here")
def test_a_folder_of_certificates_has_to_be_one_in_which_they_are_found(
    run: Run, set_: Set, tmp_path: Path, secure: str, authority: Authority
) -> None:
    folder = tmp_path / "authorities"
    set_(SSL_CERT_DIR=folder)
    assert refusal(run).startswith(f"SSL_CERT_DIR is '{folder}', and OpenSSL finds no certificate there: each has to")
    folder.mkdir()
    (folder / "company.pem").write_bytes(authority.path.read_bytes())
    assert "Run openssl rehash on the folder, or set SSL_CERT_FILE" in refusal(run)
    subprocess.run(["openssl", "rehash", folder], check=True)
    assert run(call(GET), settings_for(secure)).collection_id == "c"


def test_a_folder_of_certificates_that_nobody_may_list_is_refused_by_the_name_of_its_setting(
    set_: Set, tmp_path: Path
) -> None:
    (tmp_path / "authorities").mkdir()
    with public(tmp_path / "authorities") as folder:
        folder.chmod(0)
        set_(SSL_CERT_DIR=folder)
        with pytest.raises(XAIArgumentError) as refused:
            as_nobody(load)(ssl.create_default_context)
    assert str(refused.value) == (
        f"SSL_CERT_DIR is '{folder}', and cannot be used (Permission denied). Let every worker and triggerer list it, "
        "set SSL_CERT_FILE to a file of PEM certificates instead, or unset it to trust the public authorities"
    )


@pytest.mark.parametrize("value", [":", "{folder}:", ":{folder}"])
def test_an_empty_part_of_a_list_of_folders_is_not_the_working_folder(
    set_: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (tmp_path / "01234567.0").touch()
    (tmp_path / "authorities").mkdir()
    monkeypatch.chdir(tmp_path)
    set_(SSL_CERT_DIR=value.format(folder=tmp_path / "authorities"))
    with pytest.raises(XAIArgumentError, match="OpenSSL finds no certificate there"):
        load(ssl.create_default_context)


def test_the_public_authorities_may_be_missing_as_well(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, set_: Set, secure: str, authority: Authority
) -> None:
    from airflow_provider_xai_collections.client import exchange

    exchange._load_certificates.cache_clear()
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "cacert.pem"))
    said = refusal(run)
    assert said.startswith("the public certificate authorities cannot be loaded (No such file or directory). Install")
    set_(SSL_CERT_FILE=authority.path)
    assert run(call(GET), settings_for(secure)).collection_id == "c"


# For users


def test_a_task_fails_at_once_and_the_connection_form_says_why(connect: Connect, set_: Set) -> None:
    with XAICollectionsHook(connect(host="xai.example", api_host="https://api.invalid")) as hook:
        set_(HTTPS_PROXY="http://proxy:port")
        with pytest.raises(XAIFailException, match=r"^HTTPS_PROXY is no address of a proxy: its port is no number, or"):
            with for_operator():
                hook.list_collections()
        well, message = hook.test_connection()
    assert not well
    assert message.count("HTTPS_PROXY is no address of a proxy") == 2


def test_what_goes_wrong_names_the_connection_and_the_way(run: Run) -> None:
    def told(url: str, **other: Any) -> str:
        with pytest.raises(XAITransportError) as caught:
            run(call(GET), replace(settings_for(url, **other), conn_id="my_xai"))
        return str(caught.value)

    assert "no usable answer from management.invalid:8443 (ConnectError: " in (
        said := told("https://management.invalid:8443")
    )
    assert said.endswith("is not known here: check the host in the connection 'my_xai', and this machine's DNS")
    # Not one of the names of this machine that count as loopback, and yet no network is needed to be refused.
    assert told("https://127.0.0.2:1").endswith(
        "Check host and port in the connection 'my_xai', and that a firewall lets this machine through; if only a "
        "proxy may, set HTTPS_PROXY"
    )


def test_on_this_machine_the_emulator_is_what_is_missing_and_no_proxy(run: Run, set_: Set) -> None:
    set_(HTTPS_PROXY="http://127.0.0.1:1")
    with pytest.raises(XAITransportError) as caught:
        run(call(GET), replace(settings_for("http://127.0.0.1:1"), conn_id="my_xai"))
    said = str(caught.value)
    assert said.startswith("get_collection(c): no usable answer from 127.0.0.1:1 (ConnectError: ")
    assert said.endswith(". Nothing listens there: start the emulator, or check the port in the connection 'my_xai'")


def test_a_timeout_that_is_raised_as_it_says_is_long_enough(run: Run) -> None:
    late = threading.Event()

    def slow(connection: socket.socket) -> None:
        while head_of(connection):
            late.wait(0.5)
            connection.sendall(
                b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"collection_id":"c"}'
            )

    with listening(slow) as server:
        settings = settings_for(server.url, request_timeout=0.1)
        with pytest.raises(XAITransportError, match=r"Nothing came for 0\.1 s: if this repeats, raise request_timeout"):
            run(call(GET), settings)
        assert run(call(GET), replace(settings, request_timeout=5.0)).collection_id == "c"


def test_settings_say_where_they_are_from() -> None:
    assert ClientSettings(conn_id="my_xai").connection == "the connection 'my_xai'"
    assert [Service(url).place for url in ("https://a", "http://localhost", "https://[::1]:8443")] == [
        "a:443",
        "localhost:80",
        "[::1]:8443",
    ]
