"""The driver of flows, under its former name."""

from tests.support.driving import FlowDriver as World
from tests.support.driving import a_collection, a_document, play, some_documents

__all__ = ["World", "a_collection", "a_document", "play", "some_documents"]
