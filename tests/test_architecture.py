"""The layers hold, and the machine that watches them notices when they do not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "airflow_provider_xai_collections"


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of the ``setup.cfg`` in ``tree`` on the package in ``tree``."""
    program = "import sys; from importlinter.cli import lint_imports_command as run; sys.path.insert(0, '.'); run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, to break."""
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold() -> None:
    report = lint_imports(ROOT)
    assert report.returncode == 0, report.stdout
    assert "0 broken" in report.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("api/flows.py", "import httpx", "The core opens nothing, reads no clock, rolls no die and knows no Airflow"),
        ("hooks/base.py", "import httpx", "Only one module speaks HTTP"),
        ("client/drivers.py", "import airflow", "What is not Airflow's business does not import it"),
        ("hooks/base.py", f"from {PACKAGE} import emulator", "The product does not know the emulator"),
        ("emulator/service.py", f"from {PACKAGE} import client", "Operators stand on"),
        ("hooks/base.py", f"from {PACKAGE}.operators import collections", "Operators stand on"),
        ("api/flows.py", f"from {PACKAGE} import client", "Operators stand on"),
        ("client/settings.py", f"from {PACKAGE}.client import drivers", "Drivers stand on exchanges"),
        ("sources/listing.py", f"from {PACKAGE}.sources import scanning", "A source is scanned by"),
        ("sync/engine.py", "import airflow", "What is not Airflow's business does not import it"),
        ("sync/plan.py", f"from {PACKAGE}.sync import engine", "The engine stands on"),
        ("plugin/views.py", f"from {PACKAGE}.plugin import rendering", "Pages are rendered of what was read"),
        ("manifests/base.py", f"from {PACKAGE}.manifests import waits", "Manifests of tasks stand on"),
        ("plugin/service.py", "import httpx", "Only one module speaks HTTP"),
        ("plugin/views.py", f"from {PACKAGE}.plugin import screens", "Pages are rendered of what was read"),
    ],
)
def test_a_forbidden_import_breaks_the_contract_that_forbids_it(
    copy: Path, module: str, planted: str, contract: str
) -> None:
    path = copy / PACKAGE / module
    path.write_text(f"{path.read_text()}\n{planted}\n")
    report = lint_imports(copy)
    assert report.returncode == 1
    broken = [line for line in report.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), report.stdout


@pytest.mark.parametrize("folder", ["", "client", "manifests", "plugin", "sources", "sync"])
def test_a_module_that_has_no_layer_is_noticed(copy: Path, folder: str) -> None:
    (copy / PACKAGE / folder / "utilities.py").touch()
    report = lint_imports(copy)
    assert report.returncode == 1
    assert "utilities" in report.stdout
