"""Provider info that Airflow reads: valid, complete, and true."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
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


@pytest.mark.parametrize(
    ("part", "schema", "inside"),
    [
        (INFO, "provider_info.schema.json", ()),
        (INFO["connection-types"], "provider.yaml.schema.json", ("properties", "connection-types")),
    ],
    ids=["discovery", "form"],
)
def test_it_is_what_airflow_accepts(part: Any, schema: str, inside: tuple[str, ...]) -> None:
    """A provider whose metadata breaks this schema breaks the discovery of all others."""
    wanted = json.loads((Path(airflow.__path__[0]) / schema).read_text())
    for name in inside:
        wanted = wanted[name]
    jsonschema.validate(part, wanted)


@pytest.mark.parametrize("room", ["operators", "sensors", "triggers", "hooks"])
def test_every_module_it_names_imports_and_none_is_forgotten(room: str) -> None:
    named = {name for entry in INFO[room] for name in entry["python-modules"]}
    found = importlib.import_module(f"{package.__name__}.{room}")
    modules = [f"{found.__name__}.{module.name}" for module in pkgutil.iter_modules(found.__path__)]
    shared = (".base", ".ingesting", ".waiting")
    assert named == {
        name
        for name in modules
        if not name.endswith(shared)
        and any(
            inspect.isclass(thing) and thing.__module__ == name and thing.__name__.startswith("XAI")
            for thing in vars(importlib.import_module(name)).values()
        )
    }
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


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_airflow_discovers_what_pip_installed_and_draws_its_form() -> None:
    try:
        found = distribution(NAME)
    except PackageNotFoundError:
        pytest.skip("the package is on the path, but not installed")
    assert (INFO["package-name"], found.version) == (NAME, package.__version__)
    (entry,) = found.entry_points.select(group="apache_airflow_provider")
    assert entry.load() is get_provider_info
    manager = ProvidersManager()
    assert manager.providers[NAME].version == package.__version__
    hook = manager.hooks["xai_collections"]
    assert hook is not None
    assert hook.hook_class_name == CONNECTION_TYPE["hook-class-name"]
    prefix = "extra__xai_collections__"
    widgets = {name: widget for name, widget in manager.connection_form_widgets.items() if name.startswith(prefix)}
    assert tuple(name.removeprefix(prefix) for name in widgets) == EXTRAS
    assert [name for name, widget in widgets.items() if widget.is_sensitive] == [f"{prefix}api_key"]
    behaviour = manager.field_behaviours["xai_collections"]
    labels = {"password": "Management key", "host": "Management host", "port": "Management port"}
    assert behaviour["relabeling"] == labels
    assert "extra" in behaviour["hidden_fields"]
