"""Helpers of all tests: one clock, one emulator server, one caller of the emulator."""
