"""Environments that know this project only as a wheel, as the machines of users do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.system.stack import ROOT

CONSTRAINTS = ROOT / "constraints"
#: Beside the interpreter of the tests, as `make` puts it.
UV = Path(sys.executable).with_name("uv")
#: Where the interpreter of the tests may be too new.
PYTHONS = {"2.11": ">=3.11,<3.13"}


class Environments:
    """Makes virtual environments, each once.

    :param home: an empty folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._wheel: Path | None = None

    def make(self, release: str) -> Path:
        """Return an environment with the wheel, the emulator and this release of Airflow, such as ``3.3``."""
        folder = self._home / f"airflow-{release}"
        if not folder.exists():
            _uv("venv", "--python", PYTHONS.get(release, sys.executable), folder)
            constraints = CONSTRAINTS / f"airflow-{release}.txt"
            wanted = (f"apache-airflow=={release}.*", f"{self._built()}[emulator]")
            _uv("pip", "install", "--constraint", constraints, *wanted, VIRTUAL_ENV=str(folder))
        return folder

    def _built(self) -> Path:
        if self._wheel is None:
            _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", self._home)
            (self._wheel,) = self._home.glob("*.whl")
        return self._wheel


def bare_environment(home: Path, programs: Path) -> dict[str, str]:
    """Return the variables of a user's shell: nothing of the tests, and no checkout.

    :param home: of the user.
    :param programs: a folder that comes first on the path.
    """
    kept = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "TMPDIR")
    variables = {name: os.environ[name] for name in kept if name in os.environ}
    path = os.pathsep.join([str(programs), variables.get("PATH", os.defpath)])
    return variables | {"HOME": str(home), "PATH": path, "PYTHONUNBUFFERED": "1"}


def _uv(*arguments: str | Path, **environment: str) -> None:
    _run(UV, arguments[0], "--quiet", *arguments[1:], **environment)


def _run(*command: str | Path, **environment: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    done = subprocess.run(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}"
