"""A TCP proxy on loopback that carries connections to PostgreSQL's socket, and does to them what networks do."""

import os
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time at all: close sends a reset."""
UNNOTICED = 10.0
"""Seconds until a server hears that a client is gone, as its keepalives would tell it; its slots are not for ever."""


class Pipe:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.deaf_until = 0.0
        """Until then nothing is carried, in either direction, and nobody is told."""
        self.over = False

    def close(self, *, reset: bool = False, leave_server: bool = False) -> None:
        self.over = True
        if reset:
            with suppress(OSError):
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        for one in (self.client,) if leave_server else (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Proxy:
    """Listens until it is closed; each connection has a thread."""

    def __init__(self, target: Path) -> None:
        self._target, self.pipes, self.delay = target, [], 0.0
        self._abandoned: list[tuple[float, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for pipe in self.pipes:
            pipe.close()
        for _, one in self._abandoned:
            one.close()

    def delays(self, seconds: float) -> None:
        """From now on each piece of data is so late."""
        self.delay = seconds

    def drop(self, random: Random) -> None:
        """Closes some connections on both sides."""
        for pipe in self._some(random):
            pipe.close()

    def reset(self, random: Random) -> None:
        """Resets some connections."""
        for pipe in self._some(random):
            pipe.close(reset=True)

    def half_open(self, random: Random) -> None:
        """Takes some connections from their clients while the server hears nothing of it, with all its locks."""
        now = time.monotonic()
        while self._abandoned and now - self._abandoned[0][0] > UNNOTICED:
            self._abandoned.pop(0)[1].close()
        for pipe in self._some(random):
            self._abandoned.append((now, pipe.server))
            pipe.close(reset=True, leave_server=True)

    def deafen(self, random: Random, seconds: float) -> None:
        """Carries nothing of some connections for a while, then drops them."""
        for pipe in self._some(random):
            pipe.deaf_until = time.monotonic() + seconds

    def _some(self, random: Random) -> list[Pipe]:
        self.pipes = [pipe for pipe in self.pipes if not pipe.over]
        return [pipe for pipe in self.pipes if random.random() < 0.5]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(os.fspath(self._target))
                except OSError:
                    client.close()
                    continue
                self.pipes.append(Pipe(client, server))
                threading.Thread(target=self._carry, args=(self.pipes[-1],), daemon=True).start()

    def _carry(self, pipe: Pipe) -> None:
        with suppress(OSError, ValueError):
            while not pipe.over:
                readable, _, _ = select.select([pipe.client, pipe.server], [], [], 0.5)
                if pipe.deaf_until:
                    time.sleep(max(0.0, pipe.deaf_until - time.monotonic()))
                    break
                for source in readable:
                    data = source.recv(CHUNK)
                    if not data:
                        pipe.close()
                        return
                    time.sleep(self.delay)
                    (pipe.server if source is pipe.client else pipe.client).sendall(data)
        if not pipe.over:
            pipe.close()
