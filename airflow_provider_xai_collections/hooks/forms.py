"""The connection form of Airflow before 3.2, made from the metadata that newer ones read."""

from __future__ import annotations

from typing import Any

from airflow_provider_xai_collections.get_provider_info import get_provider_info


def form_widgets() -> dict[str, Any]:
    """Return a form field for each extra. The imports are of Airflow 2; 3.0 and 3.1 have stand-ins."""
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found, unused-ignore]
        BS3PasswordFieldWidget,
        BS3TextFieldWidget,
    )
    from wtforms import PasswordField, StringField  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return {
        name: (
            PasswordField(field["label"], description=field["description"], widget=BS3PasswordFieldWidget())
            if field["schema"].get("format") == "password"
            else StringField(field["label"], description=field["description"], widget=BS3TextFieldWidget())
        )
        for name, field in _connection_type()["conn-fields"].items()
    }


def field_behaviour() -> dict[str, Any]:
    """Return the labels of the fields that every connection has, and those that are hidden."""
    return {name.replace("-", "_"): value for name, value in _connection_type()["ui-field-behaviour"].items()}


def _connection_type() -> dict[str, Any]:
    (connection_type,) = get_provider_info()["connection-types"]
    return dict(connection_type)
