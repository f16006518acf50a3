"""The caller of the emulator, under its former name."""

from tests.support.caller import Caller, Clock, declared, encode, key_of, message_of, upload

__all__ = ["Caller", "Clock", "declared", "encode", "key_of", "message_of", "upload"]
