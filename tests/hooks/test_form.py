"""The connection form: what Airflow 2 asks the hook for is what Airflow 3 reads from the metadata."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_xai_collections.get_provider_info import get_provider_info
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

(CONNECTION_TYPE,) = get_provider_info()["connection-types"]


@pytest.fixture
def form_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what the hook needs of wtforms, where it is not installed (as in Airflow 3, which does the same)."""
    for name in ("wtforms", "flask_appbuilder", "flask_appbuilder.fieldwidgets"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for kind in ("PasswordField", "StringField"):
        make = lambda label, kind=kind, **options: SimpleNamespace(kind=kind, label=label, **options)  # noqa: E731
        monkeypatch.setattr(sys.modules["wtforms"], kind, make, raising=False)
    for kind in ("BS3PasswordFieldWidget", "BS3TextFieldWidget"):
        monkeypatch.setattr(sys.modules["flask_appbuilder.fieldwidgets"], kind, lambda kind=kind: kind, raising=False)


@pytest.mark.usefixtures("form_library")
def test_both_forms_have_the_same_extras() -> None:
    widgets = XAICollectionsHook.get_connection_form_widgets()
    metadata = CONNECTION_TYPE["conn-fields"]
    assert list(widgets) == list(metadata)
    for name, widget in widgets.items():
        assert (widget.label, widget.description) == (metadata[name]["label"], metadata[name]["description"])
        secret = metadata[name]["schema"].get("format") == "password"
        assert widget.kind == ("PasswordField" if secret else "StringField")
        assert widget.widget == ("BS3PasswordFieldWidget" if secret else "BS3TextFieldWidget")


def test_both_forms_treat_the_common_fields_alike() -> None:
    behaviour = XAICollectionsHook.get_ui_field_behaviour()
    metadata: dict[str, Any] = CONNECTION_TYPE["ui-field-behaviour"]
    assert behaviour == {
        "hidden_fields": metadata["hidden-fields"],
        "relabeling": metadata["relabeling"],
        "placeholders": metadata["placeholders"],
    }


def test_the_form_that_airflow_2_draws_is_that_of_the_metadata() -> None:
    wtforms = pytest.importorskip("wtforms", reason="from Airflow 3 on there is no form to draw but the metadata")
    prefix = "extra__xai_collections__"
    offered = ProvidersManager().connection_form_widgets.items()
    ours = {name: widget.field for name, widget in offered if name.startswith(prefix)}
    drawn = [
        (field.name.removeprefix(prefix), field.label.text, field.description, 'type="password"' in field())
        for field in type("Form", (wtforms.Form,), ours)()
    ]
    assert drawn == [
        (name, field["label"], field["description"], field["schema"].get("format") == "password")
        for name, field in CONNECTION_TYPE["conn-fields"].items()
    ]
    behaviour = ProvidersManager().field_behaviours["xai_collections"]
    assert behaviour == XAICollectionsHook.get_ui_field_behaviour()


def test_airflow_finds_both_in_the_class_itself() -> None:
    assert {"get_connection_form_widgets", "get_ui_field_behaviour"} <= vars(XAICollectionsHook).keys()
