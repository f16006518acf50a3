"""The SQLite database: its tables, and one transaction at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: One more whenever a table changes.
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    collection_id TEXT PRIMARY KEY, name TEXT, created_at REAL, definition TEXT
);
CREATE TABLE IF NOT EXISTS files (
    file_id TEXT PRIMARY KEY, filename TEXT, content_type TEXT, size INTEGER, hash TEXT, purpose TEXT,
    created_at REAL, expires_at REAL, typed INTEGER, content BLOB
);
CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_by_name ON files (filename, file_id);
CREATE INDEX IF NOT EXISTS files_by_size ON files (size, file_id);
CREATE INDEX IF NOT EXISTS files_by_age ON files (created_at, file_id);
CREATE TABLE IF NOT EXISTS documents (
    collection_id TEXT REFERENCES collections ON DELETE CASCADE, file_id TEXT REFERENCES files ON DELETE CASCADE,
    started_at REAL, finished_at REAL, error_message TEXT, chunk_count INTEGER, reads INTEGER,
    hidden_gets INTEGER, hidden_lists INTEGER, hidden_searches INTEGER,
    PRIMARY KEY (collection_id, file_id)
);
CREATE INDEX IF NOT EXISTS documents_by_file ON documents (file_id);
CREATE TABLE IF NOT EXISTS fields (
    collection_id TEXT, file_id TEXT, key TEXT, value TEXT,
    PRIMARY KEY (collection_id, file_id, key),
    FOREIGN KEY (collection_id, file_id) REFERENCES documents ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fields_by_value ON fields (collection_id, key, value);
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY, chunk_id TEXT, collection_id TEXT, file_id TEXT, page_number INTEGER,
    FOREIGN KEY (collection_id, file_id) REFERENCES documents ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS chunks_by_document ON chunks (collection_id, file_id);
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5 (content, tokenize = 'porter unicode61');
CREATE TRIGGER IF NOT EXISTS chunk_gone AFTER DELETE ON chunks BEGIN
    DELETE FROM passages WHERE rowid = old.id;
END;
"""


class Database:
    """One connection behind one lock: a request sees and changes everything or nothing.

    That is also what makes ``unique`` hold when two documents with the same value are attached at once.

    :param path: a file, which survives a restart, or ``:memory:``.
    :raises sqlite3.DatabaseError: if the file has the tables of another version.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._lock = threading.RLock()
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION and self.connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            self.connection.close()
            raise sqlite3.DatabaseError("was written by another version of the emulator: name a new file")
        # An emulator may lose its last second in a power cut; waiting for the disk at each request is too dear.
        self.connection.executescript(
            f"PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA user_version = {_VERSION};{_SCHEMA}"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone."""
        with self._lock:
            self.connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.connection.close()
