"""Costs of the provider, measured against what it cannot cost less: `make bench`.

Each benchmark runs real operators in a process of its own, against an emulator in another, and yields figures and
counts. Figures are ratios of one run, so they mean something on any machine; no figure makes the command fail, as
machines are busy at times. Counts (of requests, documents, bytes) do: they are the same everywhere.
"""
