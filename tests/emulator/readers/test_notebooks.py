"""Notebooks: cells and what came out of them."""

from __future__ import annotations

import json

import pytest

from airflow_provider_xai_collections.emulator.readers.notebooks import notebook


def test_cells_and_their_output() -> None:
    outputs = [
        {"output_type": "stream", "text": ["one\n", "two"]},
        {"output_type": "execute_result", "data": {"text/plain": "three", "image/png": "iVBORw0"}},
        {"output_type": "error", "ename": "KeyError"},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Head\n", "text"]},
        {"cell_type": "code", "source": "1 + 2", "outputs": outputs},
    ]
    (page,) = notebook(json.dumps({"cells": cells}).encode())
    assert page.text.split() == ["#", "Head", "text", "1", "+", "2", "one", "two", "three"]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"cells": {}}'])
def test_what_is_no_notebook(content: bytes) -> None:
    with pytest.raises(ValueError, match="it has no list of cells"):
        list(notebook(content))
