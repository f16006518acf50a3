"""The way from a client to the emulator: a relay on loopback that can damage what it carries."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import TypeAlias

LOOPBACK = "127.0.0.1"
#: Seconds after which the relay gives up on a peer: longer than any client of a trial is patient.
_PATIENCE = 20.0
#: A slow answer comes in so many pieces, with so many seconds between them.
_PIECES, _PIECE_PAUSE = 8, 0.004
#: A dripping answer has so many blanks, with so many seconds between them: no client should wait for the end of it,
#: and it is never silent for as long as one is patient.
_BLANKS, _BLANK_PAUSE = 100, 0.02
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_END = b"\r\n\r\n"
#: To a port at which nobody listens: whoever follows it meets another error.
_REDIRECT = b"HTTP/1.1 307 Elsewhere\r\ncontent-length: 0\r\nlocation: http://127.0.0.1:1/"


class Harm(Enum):
    """Damage to one request."""

    RESET_BEFORE_BODY = "the connection is reset when the head of the request has come"
    RESET_IN_BODY = "the connection is reset when half the body of the request has come"
    ANSWER_LOST = "the emulator does its work, and its answer is dropped with a reset"
    RESET_IN_ANSWER = "half the answer comes, then a reset"
    RESET_AFTER_ANSWER = "the answer comes, then a reset, on which the next request would be sent"
    SLOW = "the answer comes in small pieces"
    STALLS = "half the answer comes, then nothing, until the client hangs up"
    DRIPS = "the answer comes with blanks at its end, one at a time, for longer than a client should wait"
    REDIRECT = "the emulator is not asked; the answer names another host"


#: ``choose_harm(method, path)``: what happens to this request; ``None`` lets it through.
ChooseHarm: TypeAlias = Callable[[str, str], Harm | None]


class Relay:
    """A relay from a free port to ``target``. It speaks enough HTTP/1.1 to tell requests apart.

    :param target: the port to which it leads.
    :param refusing: nobody listens until :meth:`listen` is called.
    :ivar choose_harm: what happens to requests.
    :ivar forwarded: how many requests were passed on.
    """

    def __init__(self, target: int, *, refusing: bool = False) -> None:
        self.choose_harm: ChooseHarm = lambda method, path: None
        self.forwarded = 0
        self._target = target
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self._listener = socket.socket()
        self._listener.bind((LOOPBACK, 0))
        self._accepting: threading.Thread | None = None
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        if not refusing:
            self.listen()

    def listen(self) -> None:
        """Take connections from now on."""
        if self._accepting is None:
            self._listener.listen()
            self._accepting = self._start(self._accept)

    def cut(self) -> None:
        """End all connections; their threads have ended after it."""
        for each in tuple(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        while self._threads:
            self._threads.pop().join(_PATIENCE)

    def close(self) -> None:
        """End all; it listens no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._accepting is not None:
            self._accepting.join(_PATIENCE)
        self.cut()
        self._listener.close()

    @staticmethod
    def _start(work: Callable[..., None], *args: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=work, args=args, name="emulator relay", daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.add(client)
                self._threads.append(self._start(self._serve, client))

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((LOOPBACK, self._target)) as emulator:
            self._sockets.add(emulator)
            for each in (client, emulator):
                each.settimeout(_PATIENCE)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):
                while self._carry(client, emulator):
                    pass
            self._sockets.discard(emulator)
        self._sockets.discard(client)

    def _carry(self, client: socket.socket, emulator: socket.socket) -> bool:
        """Carry one request and its answer, and tell whether another may follow on this connection."""
        if not (head := _head(client)):
            return False
        method, target, *_ = head.decode("latin-1").split(" ")
        harm = self.choose_harm(method, target.partition("?")[0])
        if harm is Harm.RESET_BEFORE_BODY:
            return _reset(client)
        if harm is Harm.RESET_IN_BODY:
            _read(client, _length(head) // 2)
            return _reset(client)
        body = _read(client, _length(head))
        if harm is Harm.REDIRECT:
            client.sendall(_REDIRECT + _END)
            return True
        self.forwarded += 1
        emulator.sendall(head + body)
        answer = _head(emulator)
        return _deliver(client, answer, _read(emulator, _length(answer)), harm)


def _deliver(client: socket.socket, head: bytes, body: bytes, harm: Harm | None) -> bool:
    whole, is_whole = head + body, head.endswith(_END) and len(body) == _length(head)
    match harm:
        case Harm.ANSWER_LOST:
            return _reset(client)
        case Harm.RESET_IN_ANSWER:
            client.sendall(head + body[: len(body) // 2])
            return _reset(client)
        case Harm.RESET_AFTER_ANSWER:
            client.sendall(whole)
            return _reset(client)
        case Harm.STALLS:
            client.sendall(head + body[: len(body) // 2])
            client.recv(1)
            return False
        case Harm.SLOW:
            step = max(1, -(-len(whole) // _PIECES))
            for start in range(0, len(whole), step):
                client.sendall(whole[start : start + step])
                time.sleep(_PIECE_PAUSE)
            return is_whole
        case Harm.DRIPS:
            fields = head.removesuffix(_END).split(b"\r\n")
            others = [field for field in fields if not field.lower().startswith(b"content-length:")]
            length = b"content-length: %d" % (len(body) + _BLANKS)
            client.sendall(b"\r\n".join([*others, length]) + _END + body)
            for _ in range(_BLANKS):
                client.sendall(b" ")
                time.sleep(_BLANK_PAUSE)
            return False
        case _:
            client.sendall(whole)
            return is_whole


def _reset(client: socket.socket) -> bool:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    client.close()
    return False


def _head(peer: socket.socket) -> bytes:
    """Read up to the blank line, or what came before the peer hung up."""
    head = b""
    while not head.endswith(_END) and (byte := peer.recv(1)):
        head += byte
    return head


def _read(peer: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size and (block := peer.recv(size - len(body))):
        body += block
    return body


def _length(head: bytes) -> int:
    """Return the size of the body. Client and emulator always say it."""
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
