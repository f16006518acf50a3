"""`make audit` calls nothing sound that it could not ask about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import audit

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FLAWED = {"name": "flawed", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([SOUND], 0, ["0 known vulnerabilities in 1 package"]),
        ([SOUND, FLAWED], 1, ["flawed 1.0: PYSEC-2026-1, fixed in 1.1, 2.0", "1 known vulnerability in 2 packages"]),
        ([SOUND, UNKNOWN], 2, ["1 could not be looked up, so NOTHING is known about them: unknown"]),
        ([FLAWED, UNKNOWN], 1, ["flawed 1.0: ", "1 could not be looked up"]),
        ([], 2, ["0 known vulnerabilities in 0 packages"]),
    ],
)
def test_what_an_answer_means(dependencies: list[Any], status: int, said: list[str]) -> None:
    found, lines = audit.outcome({"dependencies": dependencies, "fixes": []})
    assert found == status
    assert all(any(line.startswith(words) for line in lines) for words in said)


def test_pip_audit_that_cannot_run_is_no_sound_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'no route to host' >&2\nexit 1\n")
    uv.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert audit.main(["constraints.txt"]) == 2
    assert "it needs the network and PyPI (no route to host)" in capsys.readouterr().out
