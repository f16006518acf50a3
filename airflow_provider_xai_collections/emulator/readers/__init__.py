"""Readers: each takes the bytes of one kind of file and gives its text, page by page."""
