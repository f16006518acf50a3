"""Provider info that Airflow reads: valid, complete, and true."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import airflow
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest
from airflow.providers_manager import ProvidersManager

import airflow_provider_xai_collections as package
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.get_provider_info import get_provider_info
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import EXTRAS

INFO = get_provider_info()
(CONNECTION_TYPE,) = INFO["connection-types"]
NAME = "airflow-provider-xai-collections"


def schema(name: str) -> Any:
    return json.loads((Path(airflow.__path__[0]) / name).read_text())


def test_it_is_what_discovery_accepts() -> None:
    """A provider whose metadata breaks this schema breaks the discovery of all others."""
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


def test_the_connection_form_is_what_airflow_draws() -> None:
    jsonschema.validate(INFO["connection-types"], schema("provider.yaml.schema.json")["properties"]["connection-types"])


def test_it_is_plain_json() -> None:
    assert json.loads(json.dumps(INFO)) == INFO


def modules_in(room: str) -> set[str]:
    found = importlib.import_module(f"{package.__name__}.{room}")
    return {f"{found.__name__}.{module.name}" for module in pkgutil.iter_modules(found.__path__)}


def public_classes(module: ModuleType) -> list[type]:
    return [
        thing
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__ == module.__name__ and name.startswith("XAI")
    ]


@pytest.mark.parametrize("room", ["operators", "sensors", "triggers", "hooks"])
def test_every_module_it_names_imports_and_none_is_forgotten(room: str) -> None:
    named = {name for entry in INFO[room] for name in entry["python-modules"]}
    shared = (".base", ".ingesting", ".waiting")
    public = (name for name in modules_in(room) if not name.endswith(shared))
    with_classes = {name for name in public if public_classes(importlib.import_module(name))}
    assert named == with_classes
    integrations = {integration["integration-name"] for integration in INFO["integrations"]}
    assert {entry["integration-name"] for entry in INFO[room]} <= integrations


def test_the_connection_type_is_that_of_the_hook() -> None:
    module, _, name = CONNECTION_TYPE["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is XAICollectionsHook
    assert CONNECTION_TYPE["connection-type"] == XAICollectionsHook.conn_type
    assert CONNECTION_TYPE["hook-name"] == XAICollectionsHook.hook_name
    assert "-" not in XAICollectionsHook.conn_type, "Airflow never finds such a type"


def test_the_form_offers_the_extras_that_the_hook_reads() -> None:
    assert tuple(CONNECTION_TYPE["conn-fields"]) == EXTRAS
    assert CONNECTION_TYPE["conn-fields"]["api_key"]["schema"]["format"] == "password"
    shown = {"login", "password", "host", "port", "schema", "extra"} - set(
        CONNECTION_TYPE["ui-field-behaviour"]["hidden-fields"]
    )
    assert shown == {"password", "host", "port"}


def test_the_defaults_that_the_form_shows_are_those_of_the_hook() -> None:
    fields, defaults = CONNECTION_TYPE["conn-fields"], ClientSettings()
    assert fields["request_timeout"]["description"].endswith(f"Empty for {defaults.request_timeout:.0f}.")
    assert fields["retry_attempts"]["description"].endswith(f"Empty for {defaults.retries.attempts}.")
    assert fields["api_host"]["description"] == f"Empty for {defaults.api.url}."
    assert CONNECTION_TYPE["ui-field-behaviour"]["placeholders"]["host"] == defaults.management.url


# The rest needs the distribution, as pip installs it.


@pytest.fixture
def installed() -> None:
    try:
        distribution(NAME)
    except PackageNotFoundError:
        pytest.skip("the package is on the path, but not installed")


@pytest.mark.usefixtures("installed")
def test_its_name_is_that_of_the_distribution_and_its_entry_point_leads_here() -> None:
    found = distribution(NAME)
    assert INFO["package-name"] == found.name == NAME
    (entry,) = found.entry_points.select(group="apache_airflow_provider")
    assert entry.load() is get_provider_info
    assert found.version == package.__version__


@pytest.mark.usefixtures("installed")
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_airflow_discovers_it() -> None:
    manager = ProvidersManager()
    provider = manager.providers[NAME]
    assert provider.version == package.__version__
    hook = manager.hooks["xai_collections"]
    assert hook is not None
    assert hook.hook_class_name == CONNECTION_TYPE["hook-class-name"]


@pytest.mark.usefixtures("installed")
def test_airflow_draws_its_form() -> None:
    manager = ProvidersManager()
    ours = {
        name.removeprefix("extra__xai_collections__"): widget
        for name, widget in manager.connection_form_widgets.items()
        if name.startswith("extra__xai_collections__")
    }
    assert tuple(ours) == EXTRAS
    assert [name for name, widget in ours.items() if widget.is_sensitive] == ["api_key"]
    behaviour = manager.field_behaviours["xai_collections"]
    labels = {"password": "Management key", "host": "Management host", "port": "Management port"}
    assert behaviour["relabeling"] == labels
    assert "extra" in behaviour["hidden_fields"]
