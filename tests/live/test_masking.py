"""Masking: no eight characters of a key in a row are shown, not cut, not escaped, nowhere."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import httpx
import pytest

from airflow_provider_xai_collections.text import printable

from .masking import PIECE, Mask, masked_terminal
from .meter import Budget, Exchange, Meter
from .playing import Line, Outcome
from .report import written

MANAGEMENT = "xai-token-Qw9eRt2yUi5oPa7sDf1gHj4kLz"
API = "xai-Zx8cVb3nMq6wEr0tYu2iOp5aSd9fGh"
MASK = Mask([MANAGEMENT, API])


def pieces(key: str) -> list[str]:
    return [key[start : start + PIECE] for start in range(len(key) - PIECE + 1)]


def shows(text: str, *keys: str) -> list[str]:
    return [piece for key in keys for piece in pieces(key) if piece in text]


@pytest.mark.parametrize("key", [MANAGEMENT, API])
def test_a_key_and_each_piece_of_it_is_hidden_and_nothing_else_is(key: str) -> None:
    assert MASK(f"bad key {key}, see\nxai.com") == "bad key ***, see\nxai.com"
    for length in range(PIECE, len(key)):
        for start in range(len(key) - length + 1):
            assert MASK(f"a {key[start : start + length]}… b") == "a ***… b"
    assert MASK(key[: PIECE - 1]) == key[: PIECE - 1]
    assert MASK("airflow-provider-xai-live-1 has \\ and \\n \\u00e9 in it") == (
        "airflow-provider-xai-live-1 has \\ and \\n \\u00e9 in it"
    )


@pytest.mark.parametrize("key", ['a"b/c\\d<e>f&g\'hi"/\\jklm', 'short"'])
def test_a_key_is_known_however_json_spells_it(key: str) -> None:
    plain = json.dumps(key)
    spelt = [
        key,
        plain,
        plain.replace("/", "\\/"),
        plain.replace("<", "\\u003c").replace("&", "\\u0026").replace("'", "\\u0027"),
        "".join(f"\\u{ord(character):04X}" for character in key),
        json.dumps(plain),
        json.dumps({"error": json.dumps({"error": plain})}),
    ]
    for text in spelt:
        masked = Mask([key])(f"before {text} after")
        assert "***" in masked
        assert not any(piece and piece in masked for piece in (key, plain[1:-1], *pieces(key))), masked
        assert masked.startswith("before ")
        assert masked.endswith(" after")


def test_what_is_quoted_is_masked_before_it_is_cut_wherever_the_cut_falls() -> None:
    for before in range(320):
        assert not shows(MASK.quoted("x" * before + MANAGEMENT), MANAGEMENT)
        body = json.dumps({"error": "x" * before + API}).encode()
        seen = Exchange("GET", "/v1/files", 400, httpx.Headers(), body, 0, MASK)
        assert not shows(str(seen), API)
        # Cut by the provider, which knows nothing of this mask.
        assert not shows(MASK.quoted(printable("x" * before + MANAGEMENT)), MANAGEMENT)


def test_whatever_is_in_the_report_it_is_written_without_keys(tmp_path: Path) -> None:
    line = Line("What?", f"said {MANAGEMENT}", f"and {API[:PIECE]}…")
    outcome = Outcome("run", (line,), (line,), 0, (API,), Meter(Budget(), MASK))
    text = written(path := tmp_path / "report.md", outcome, where=f"https://{API}", when="today")
    assert path.read_text() == text
    assert text.count("***") == 4 + 2
    assert not shows(text, MANAGEMENT, API)


def test_without_keys_nothing_is_hidden() -> None:
    assert Mask([])(MANAGEMENT) == MANAGEMENT
    assert Mask([""])(MANAGEMENT) == MANAGEMENT


def test_nothing_reaches_the_terminal_unmasked(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        print("half", MANAGEMENT[:12], end="")
        print(MANAGEMENT[12:], "a whole", API)
        log = logging.Logger("of the provider's")
        log.addHandler(logging.StreamHandler())
        log.warning("key %s", MANAGEMENT)
        print("no end of line", API, end="", file=sys.stderr)
        raise RuntimeError(f"with {API} in it")

    with pytest.raises(SystemExit) as ended, masked_terminal(MASK):
        run()
    out, err = capsys.readouterr()
    assert ended.value.code == 1
    assert out == "half *** a whole ***\n"
    assert "key ***\n" in err
    assert "no end of line ***" in err
    assert "RuntimeError: with *** in it" in err
    assert not shows(out + err, MANAGEMENT, API)
