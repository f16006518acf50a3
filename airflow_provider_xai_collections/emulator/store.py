"""Store of the emulator: records in, records out, SQL within. Each call belongs in a transaction."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from airflow_provider_xai_collections.api.collections import CreateCollection
from airflow_provider_xai_collections.emulator.database import Database
from airflow_provider_xai_collections.emulator.records import (
    ChunkRecord,
    CollectionRecord,
    DocumentRecord,
    FileRecord,
    Hit,
    Totals,
)

#: Counters of the reads of a document.
Counter: TypeAlias = Literal["reads", "hidden_gets", "hidden_lists", "hidden_searches"]
#: Columns by which a list may be sorted.
Column: TypeAlias = Literal["c.name", "c.created_at", "filename", "size", "f.created_at"]

_FILE = "f.file_id, filename, content_type, size, hash, purpose, f.created_at, expires_at, typed"
_DOCUMENT = f"""
    SELECT {_FILE}, d.*, (
        SELECT json_group_object(key, value) FROM fields x
        WHERE x.collection_id = d.collection_id AND x.file_id = d.file_id
    ) AS fields
"""  # noqa: S608 - constants only
#: Up to how many documents are sorted for each page of them.
_FEW = 1000
#: SQLite keeps to the order of a CROSS JOIN. Few documents are found and sorted; of many, the files are walked in the
#: order of their index, so that a page takes the time of a page.
_SOME = _DOCUMENT + "FROM documents d CROSS JOIN files f USING (file_id) WHERE d.collection_id = ?"
_MANY = _DOCUMENT + "FROM files f CROSS JOIN documents d USING (file_id) WHERE d.collection_id = ?"
_AMONG = " AND d.file_id IN (SELECT value FROM json_each(?))"
_HAS = """
    AND EXISTS (
        SELECT 1 FROM fields y
        WHERE y.collection_id = d.collection_id AND y.file_id = d.file_id AND y.key = ? AND y.value = ?
    )
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of a list: sorted by a column, from behind ``after`` (a sort value and an id) on."""

    column: Column
    descending: bool
    after: Sequence[str | float] = ()

    def apply(self, select: str, identity: str) -> str:
        """Complete a SELECT ... WHERE ...; the id settles the order of equals."""
        way, beyond = ("DESC", "<") if self.descending else ("ASC", ">")
        condition = f"AND ({self.column}, {identity}) {beyond} (?, ?)" if self.after else ""
        return f"{select} {condition} ORDER BY {self.column} {way}, {identity} {way}"


class Store:
    """Collections, files, documents and passages.

    :param path: a file, which survives a restart, or ``:memory:``.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._database = Database(path)
        self._sql = self._database.connection

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and alone."""
        return self._database.transaction()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # Collections

    def save_collection(self, record: CollectionRecord) -> None:
        """Insert a collection, or replace its definition."""
        definition = record.definition.model_dump_json(exclude_none=True)
        self._sql.execute(
            "INSERT INTO collections VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET name = excluded.name, definition = excluded.definition",
            (record.collection_id, record.definition.collection_name, record.created_at, definition),
        )

    def collection(self, collection_id: str) -> CollectionRecord | None:
        """Return one collection."""
        row = self._sql.execute("SELECT * FROM collections WHERE collection_id = ?", (collection_id,)).fetchone()
        return _collection(row) if row else None

    def collections(self, part: Slice) -> Iterator[CollectionRecord]:
        """Return all collections, lazily."""
        sql = part.apply("SELECT * FROM collections c WHERE 1", "c.collection_id")
        return map(_collection, self._sql.execute(sql, part.after))

    def totals(self, collection_id: str) -> Totals:
        """Count the documents of a collection; the more there are, the longer it takes."""
        row = self._sql.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM documents JOIN files USING (file_id) WHERE collection_id = ?",
            (collection_id,),
        ).fetchone()
        return Totals(*row)

    def delete_collection(self, collection_id: str) -> None:
        """Delete a collection with its documents; the files stay."""
        self._sql.execute("DELETE FROM collections WHERE collection_id = ?", (collection_id,))

    # Files

    def add_file(self, record: FileRecord, content: bytes) -> None:
        """Store a file."""
        values = (
            *(record.file_id, record.filename, record.content_type, record.size, record.hash, record.purpose),
            *(record.created_at, record.expires_at, record.typed, content),
        )
        self._sql.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def file(self, file_id: str) -> FileRecord | None:
        """Return one file, without its bytes."""
        sql = f"SELECT {_FILE} FROM files f WHERE file_id = ?"  # noqa: S608 - constants only
        row = self._sql.execute(sql, (file_id,)).fetchone()
        return _file(row) if row else None

    def file_content(self, file_id: str) -> bytes:
        """Return the bytes of a file that exists."""
        content: bytes = self._sql.execute("SELECT content FROM files WHERE file_id = ?", (file_id,)).fetchone()[0]
        return content

    def files(self, part: Slice) -> Iterator[FileRecord]:
        """Return all files, lazily."""
        sql = part.apply(f"SELECT {_FILE} FROM files f WHERE 1", "f.file_id")  # noqa: S608 - constants only
        return map(_file, self._sql.execute(sql, part.after))

    def count_files(self) -> int:
        """Count the files."""
        row = self._sql.execute("SELECT count(*) FROM files").fetchone()
        return int(row[0])

    def delete_file(self, file_id: str) -> None:
        """Delete a file and the documents made of it."""
        self._sql.execute("DELETE FROM files WHERE file_id = ?", (file_id,))

    def delete_expired_files(self, now: float) -> None:
        """Delete the files whose time has come."""
        self._sql.execute("DELETE FROM files WHERE expires_at <= ?", (now,))

    def is_attached(self, file_id: str) -> bool:
        """Tell whether the file is in any collection."""
        return self._sql.execute("SELECT 1 FROM documents WHERE file_id = ?", (file_id,)).fetchone() is not None

    # Documents

    def save_document(self, record: DocumentRecord, chunks: Sequence[ChunkRecord]) -> None:
        """Insert a document, or replace it and its passages."""
        key = (record.collection_id, record.file.file_id)
        self._sql.execute("DELETE FROM documents WHERE collection_id = ? AND file_id = ?", key)
        self._sql.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(*key, record.started_at, record.finished_at, record.error_message, len(chunks)),
                *(record.reads, record.hidden_gets, record.hidden_lists, record.hidden_searches),
            ),
        )
        self._sql.executemany(
            "INSERT INTO fields VALUES (?, ?, ?, ?)", [(*key, *item) for item in record.fields.items()]
        )
        for number, chunk in enumerate(chunks):
            values = (f"{record.file.file_id}_{number}", *key, chunk.page_number)
            row = self._sql.execute("INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?)", values)
            self._sql.execute("INSERT INTO passages (rowid, content) VALUES (?, ?)", (row.lastrowid, chunk.content))

    def document(self, collection_id: str, file_id: str) -> DocumentRecord | None:
        """Return one document."""
        row = self._sql.execute(_SOME + " AND d.file_id = ?", (collection_id, file_id)).fetchone()
        return _document(row) if row else None

    def documents(self, collection_id: str, part: Slice, having: Mapping[str, str]) -> Iterator[DocumentRecord]:
        """Return the documents of a collection with these values of their fields, lazily."""
        given: list[str | float] = [collection_id]
        if (few := self._few(collection_id, having)) is None:
            sql = _MANY
        else:
            sql = _SOME + _AMONG
            given.append(json.dumps(few))
        for pair in having.items():
            sql += _HAS
            given.extend(pair)
        return map(_document, self._sql.execute(part.apply(sql, "f.file_id"), (*given, *part.after)))

    def _few(self, collection_id: str, having: Mapping[str, str]) -> list[str] | None:
        """Return the files of all documents that may match, and perhaps of more; ``None`` if those are many."""
        of_value = "SELECT file_id FROM fields WHERE collection_id = ? AND key = ? AND value = ?"
        searches = [(of_value, [collection_id, *pair]) for pair in having.items()]
        for sql, given in searches or [("SELECT file_id FROM documents WHERE collection_id = ?", [collection_id])]:
            if len(rows := self._sql.execute(sql, given).fetchmany(_FEW + 1)) <= _FEW:
                return [row["file_id"] for row in rows]
        return None

    def remove_document(self, collection_id: str, file_id: str) -> None:
        """Detach a file; it stays."""
        self._sql.execute("DELETE FROM documents WHERE collection_id = ? AND file_id = ?", (collection_id, file_id))

    def bump(self, document: DocumentRecord, counter: Counter) -> None:
        """Increase a counter."""
        self._sql.execute(
            f"UPDATE documents SET {counter} = {counter} + 1 WHERE collection_id = ? AND file_id = ?",  # noqa: S608 - ours
            (document.collection_id, document.file.file_id),
        )

    def finish_document(self, document: DocumentRecord, now: float) -> None:
        """Write down when indexing came to its end."""
        self._sql.execute(
            "UPDATE documents SET finished_at = ? WHERE collection_id = ? AND file_id = ?",
            (now, document.collection_id, document.file.file_id),
        )

    def has_field_value(self, collection_id: str, key: str, value: str) -> bool:
        """Tell whether a document has this value already."""
        sql = "SELECT 1 FROM fields WHERE collection_id = ? AND key = ? AND value = ?"
        return self._sql.execute(sql, (collection_id, key, value)).fetchone() is not None

    def erase_field(self, collection_id: str, key: str) -> None:
        """Take a field's value from every document."""
        self._sql.execute("DELETE FROM fields WHERE collection_id = ? AND key = ?", (collection_id, key))

    # Search

    def search(self, query: str, collection_ids: Sequence[str]) -> Iterator[Hit]:
        """Return passages with any word of the query, best first, lazily. The score is above 0 and below 1."""
        words = re.findall(r"\w+", query)
        if not words:
            return iter(())
        rows = self._sql.execute(
            "SELECT chunk_id, collection_id, file_id, page_number, content, -bm25(passages) AS relevance"
            " FROM passages JOIN chunks ON chunks.id = passages.rowid"
            " WHERE passages MATCH ? AND collection_id IN (SELECT value FROM json_each(?))"
            " ORDER BY relevance DESC, chunks.id",
            (" OR ".join(f'"{word}"' for word in words), json.dumps(collection_ids)),
        )
        return map(_hit, rows)


def _collection(row: sqlite3.Row) -> CollectionRecord:
    return CollectionRecord(
        collection_id=row["collection_id"],
        created_at=row["created_at"],
        definition=CreateCollection.model_validate_json(row["definition"]),
    )


def _file(row: sqlite3.Row) -> FileRecord:
    names = ("file_id", "filename", "content_type", "size", "hash", "purpose", "created_at", "expires_at")
    return FileRecord(**{name: row[name] for name in names}, typed=bool(row["typed"]))


def _document(row: sqlite3.Row) -> DocumentRecord:
    counters = ("reads", "hidden_gets", "hidden_lists", "hidden_searches")
    return DocumentRecord(
        collection_id=row["collection_id"],
        file=_file(row),
        fields=json.loads(row["fields"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error_message=row["error_message"],
        chunk_count=row["chunk_count"],
        **{name: row[name] for name in counters},
    )


def _hit(row: sqlite3.Row) -> Hit:
    relevance = row["relevance"]
    return Hit(
        chunk_id=row["chunk_id"],
        collection_id=row["collection_id"],
        file_id=row["file_id"],
        content=row["content"],
        page_number=row["page_number"],
        score=relevance / (1 + relevance),
    )
