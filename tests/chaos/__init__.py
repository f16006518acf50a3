"""Fault injection: real clients, operators and processes on a service that fails them. ``make chaos`` runs all of it.

Each case runs many trials with one kind of fault, seeded so that each can be repeated, and compares what is there at
the end with what should be there, by the emulator's own records.
"""
