"""Faults, on purpose: what becomes of real clients, operators and syncs when the service fails them: `make chaos`.

Each case plays faults of one kind in many trials, seeded so that each can be repeated, and compares what is there at
the end with what should be there, by the emulator's own count.
"""
