"""Proxies and certificates that the environment names: used as meant, or refused by name."""

from __future__ import annotations

import pickle
import shutil
import socket
import ssl
import subprocess
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.client.certificates import load
from airflow_provider_xai_collections.client.proxies import proxy_for
from airflow_provider_xai_collections.client.settings import Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAITransportError
from tests.unprivileged import as_nobody, public

from .driving import CREATE, GET, Run, answering, head_of, listening, settings_for

FAR = "https://management.invalid"
SETTINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
Set = Callable[..., None]


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


def test_a_password_written_as_the_refusal_says_arrives_at_the_proxy_and_nowhere_else_and_no_key_there(
    run: Run, set_: Set, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    heads: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heads.append(head_of(connection))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    with listening(refuse) as proxy:
        place = proxy.url.removeprefix("http://")
        set_(HTTPS_PROXY=f"http://user:hun%40%3A%2F%23ter2@{place}")
        with pytest.raises(XAITransportError) as caught:
            run(call(CREATE), settings_for(FAR))
    (head,) = heads
    assert head.startswith(b"CONNECT management.invalid:443 ")
    assert b"Proxy-Authorization: Basic dXNlcjpodW5AOi8jdGVyMg==" in head
    assert b"secret" not in head
    assert (
        "create_collection(docs): no usable answer from management.invalid:443 (ProxyError: 407 Proxy Authentication "
        f"Required). It goes through the proxy {place} that HTTPS_PROXY names: check that one"
    ) in str(caught.value)
    assert caught.value.sent is False
    text = caplog.text + "".join(traceback.format_exception(caught.value))
    assert not [word for word in ("ter2", "dXNlcjpodW5") if word in text]
    assert "ter2" not in repr(proxy_for(Service(FAR)))


@pytest.mark.parametrize("value", ["proxy:3128", "http://proxy:3128"])
def test_a_proxy_for_all_serves_where_no_other_is_named(set_: Set, value: str) -> None:
    set_(ALL_PROXY=value, HTTP_PROXY="http://nowhere.invalid")
    assert str(proxy_for(Service(FAR))) == "the proxy proxy:3128 that ALL_PROXY names"


@pytest.mark.parametrize(
    ("exempt", "host", "is_exempt"),
    [
        ("*", "api.x.ai", True),
        ("x.ai", "api.x.ai", True),
        ("X.AI", "x.ai", True),
        (".x.ai", "api.x.ai", True),
        ("*.x.ai", "api.x.ai", True),
        ("other.example, api.x.ai", "api.x.ai", True),
        ("api.x.ai:8443", "api.x.ai:8443", True),
        ("https://api.x.ai", "api.x.ai", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("fd00::/8", "[fd00::1]", True),
        ("fd00::1", "[fd00::1]", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]:8443", "[fd00::1]:8443", True),
        ("host:notaport,::1/128,[::1],x.ai", "api.x.ai", True),
        ("", "api.x.ai", False),
        (" , ,", "api.x.ai", False),
        (".x.ai", "x.ai", False),
        ("ai", "x.aix", False),
        ("pi.x.ai", "api.x.ai", False),
        ("api.x.ai:8443", "api.x.ai", False),
        ("http://api.x.ai", "api.x.ai", False),
        ("http://*", "api.x.ai", False),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("::1/128", "10.1.2.3", False),
        ("0.0.0.0/0", "api.x.ai", False),
        ("host:notaport", "api.x.ai", False),
        (".", "api.x.ai", False),
    ],
)
def test_a_proxy_is_used_for_what_is_not_exempt(set_: Set, exempt: str, host: str, is_exempt: bool) -> None:
    set_(HTTPS_PROXY="http://proxy:3128", NO_PROXY=exempt)
    proxy = proxy_for(Service(f"https://{host}"))
    assert proxy is None if is_exempt else "proxy:3128" in str(proxy)


def test_what_cannot_be_read_of_the_exempt_is_skipped_with_one_warning(
    set_: Set, caplog: pytest.LogCaptureFixture
) -> None:
    set_(HTTPS_PROXY="http://proxy:3128", NO_PROXY="::1/128,[::1],host:port")
    for _ in range(2):
        assert proxy_for(Service(FAR)) is not None
    assert caplog.messages == ["NO_PROXY: 'host:port' cannot be read and is skipped"]


def test_settings_of_proxies_do_not_matter_to_this_machine(run: Run, set_: Set) -> None:
    set_(HTTP_PROXY="ftp://user:hunter2@x:port", ALL_PROXY="socks5://", NO_PROXY="host:notaport")
    with listening(answering) as server:
        assert run(call(GET), settings_for(server.url)).collection_id == "c"


# Certificates


class Authority(NamedTuple):
    """Somebody who signs, and the file with its certificate."""

    key: ec.EllipticCurvePrivateKey
    path: Path


NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Whaling Company")])


def certificate(
    key: ec.EllipticCurvePrivateKey, signed_by: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> bytes:
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(NAME, NAME if key is signed_by else x509.Name([]), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=True)
        .sign(signed_by, hashes.SHA256())
    )
    return signed.public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A company's own, which nobody else knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path_factory.mktemp("authority") / "company.pem"
    path.write_bytes(certificate(key, key, x509.BasicConstraints(ca=True, path_length=None)))
    return Authority(key, path)


@pytest.fixture(params=["valid"])
def secure(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[str]:
    """The address of a server of the company, whose certificate is valid or not."""
    key = ec.generate_private_key(ec.SECP256R1())
    address = "127.0.0.1" if request.param == "valid" else "127.0.0.2"
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    chain = tmp_path / "server.pem"
    chain.write_bytes(
        certificate(key, authority.key, names) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
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


@pytest.mark.parametrize(
    ("named", "advice"),
    [
        (
            "",
            "If it is your company's, whose proxy or gateway is in between, set SSL_CERT_FILE to a PEM file with ",
        ),
        ("REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE is not read here: set SSL_CERT_FILE to the same file, on every "),
        ("CURL_CA_BUNDLE", "CURL_CA_BUNDLE is not read here: set SSL_CERT_FILE to the same file, on every worker"),
        ("SSL_CERT_FILE", f"SSL_CERT_FILE is {certifi.where()!r}, and does not have it: add its certificate there"),
    ],
)
def test_an_authority_of_ones_own_is_trusted_once_the_setting_names_it(
    run: Run, set_: Set, secure: str, authority: Authority, named: str, advice: str
) -> None:
    set_(**{named: certifi.where()} if named else {})
    said = refusal(run, secure)
    assert said.startswith(
        f"get_collection(c): {secure.removeprefix('https://')} shows a certificate of an authority that is not trusted "
        f"here (unable to get local issuer certificate). {advice}"
    )
    set_(SSL_CERT_FILE=authority.path)
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
        pytest.param(None, "No such file or directory", id="nothing"),
        pytest.param(b"", "there is no certificate in it", id="an empty file"),
        pytest.param(b"x", "there is no certificate in it", id="another file"),
        pytest.param("folder", "Is a directory", id="a folder"),
    ],
)
def test_a_file_of_certificates_that_is_none_is_refused_by_the_name_of_its_setting(
    run: Run, set_: Set, tmp_path: Path, secure: str, content: bytes | str | None, why: str
) -> None:
    path = tmp_path / "authorities.pem"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    set_(SSL_CERT_FILE=path)
    assert refusal(run) == (
        f"SSL_CERT_FILE is '{path}', and cannot be used ({why}). Set it to a file of PEM certificates on every worker "
        "and triggerer, or unset it to trust the public authorities"
    )
    set_(SSL_CERT_FILE="")
    assert "is not trusted here" in refusal(run, secure), "the client is made"


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


def test_a_folder_that_nobody_may_list_is_refused_by_the_name_of_its_setting(set_: Set, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("https://management.invalid:8443", "Its name is not known here: check the host in the connection 'my_xai', "),
        # Not one of the names of this machine that count as loopback, and yet no network is needed to be refused.
        (
            "https://127.0.0.2:1",
            "Check host and port in the connection 'my_xai', and that a firewall lets this machine",
        ),
        (FAR, "It goes through the proxy 127.0.0.1:1 that HTTPS_PROXY names: check that one, and that it lets this "),
        ("http://127.0.0.1:1", "Nothing listens there: start the emulator, or check the port in the connection 'my_"),
    ],
)
def test_who_cannot_be_reached_got_nothing_and_what_to_check_is_named(run: Run, set_: Set, url: str, way: str) -> None:
    set_(**{"HTTPS_PROXY": "http://127.0.0.1:1"} if url in (FAR, "http://127.0.0.1:1") else {})
    with pytest.raises(XAITransportError) as caught:
        run(call(CREATE), replace(settings_for(url), origin="the connection 'my_xai'"))
    said = str(caught.value)
    assert said.startswith(f"create_collection(docs): no usable answer from {Service(url).place} (ConnectError: ")
    assert f"). {way}" in said
    assert caught.value.sent is False
