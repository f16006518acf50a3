"""Mapped tasks are called after what they work on."""

from __future__ import annotations

from typing import Any, ClassVar

#: The name of a mapped task in the UI. A task that is not mapped needs none.
MAP_INDEX_TEMPLATE = "{{ task.batch_name if ti.map_index >= 0 else '' }}"


class NamedAfterItems:
    """A mapped task is called after its items, unless ``map_index_template`` says otherwise."""

    #: The argument that says which.
    names_itself_after: ClassVar[str] = "file_ids"

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return Airflow's, with a name for its tasks.

        A mapped task takes that from here alone, before there is an operator that could have a default of its own.
        """
        mapped = super().partial(**kwargs)  # type: ignore[misc]  # Airflow's
        if mapped.kwargs.get("map_index_template") is None:
            mapped.kwargs["map_index_template"] = MAP_INDEX_TEMPLATE
        return mapped

    @property
    def batch_name(self) -> str:
        """The name of a mapped task."""
        from airflow_provider_xai_collections.tables import batch_name

        return batch_name(getattr(self, self.names_itself_after, ""))
