"""Trusted certificate authorities: those that the environment names, and advice where they do not do."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from airflow_provider_xai_collections.exceptions import XAIArgumentError

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
#: Settings of other libraries for the same purpose.
_OF_OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: OpenSSL's codes for a certificate whose authority it does not know: ``X509_V_ERR_…`` in its ``x509_vfy.h``.
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
#: OpenSSL finds certificates in a folder by the hash of their subject.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


def named_by_environment() -> tuple[str, str] | None:
    """Return the setting that counts, and its value; ``None`` means the public authorities."""
    return next(((name, value) for name in (FILE, FOLDER) if (value := os.environ.get(name))), None)


def load(create: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Load the authorities with ``create``; an error names the setting of the environment that cannot be used."""
    named = named_by_environment()
    try:
        if named is not None and named[0] == FOLDER:
            _check_folders(named[1])
        return create()
    except OSError as error:
        if named is None:
            raise XAIArgumentError(
                f"the public certificate authorities cannot be loaded ({_reason(error)}). Install the package certifi "
                f"again, or set {FILE} to a file of PEM certificates"
            ) from error
        name, path = named
        way = (
            f"Let every worker and triggerer list it, set {FILE} to a file of PEM certificates instead"
            if name == FOLDER
            else "Set it to a file of PEM certificates on every worker and triggerer"
        )
        raise XAIArgumentError(
            f"{name} is {path!r}, and cannot be used ({_reason(error)}). {way}, or unset it to trust the public "
            "authorities"
        ) from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "there is no certificate in it"
    return error.strerror or type(error).__name__


def _check_folders(text: str) -> None:
    """Refuse folders without certificates: OpenSSL takes them without a word, and then trusts nobody."""
    folders = [Path(part) for part in text.split(os.pathsep) if part]
    if not any(_HASHED.fullmatch(path.name) for folder in folders if folder.is_dir() for path in folder.iterdir()):
        raise XAIArgumentError(
            f"{FOLDER} is {text!r}, and OpenSSL finds no certificate there: each has to be in a file of its own, named "
            f"by its hash. Run openssl rehash on the folder, or set {FILE} to a file of PEM certificates instead"
        )


def is_unknown_authority(refusal: ssl.SSLCertVerificationError) -> bool:
    """Tell whether the authority is not trusted here; otherwise the certificate is of another host, or expired."""
    return refusal.verify_code in _UNKNOWN_AUTHORITY


def way_to_trust() -> str:
    """Say how to trust the authority."""
    if (named := named_by_environment()) is not None:
        return f"{named[0]} is {named[1]!r}, and does not have it: add its certificate there"
    for name in _OF_OTHERS:
        if os.environ.get(name):
            return f"{name} is not read here: set {FILE} to the same file, on every worker and triggerer"
    return (
        f"If it is your company's, whose proxy or gateway is in between, set {FILE} to a PEM file with its "
        "certificate, on every worker and triggerer"
    )
