"""A web server on loopback that gives ranges of files, counts what it gives, and misbehaves as it is told.

Each file has its `Faults`, and a request may choose others by its query: ``?close_after=100&times=1``. ::

    with RangeServer() as server:
        url = server.serve("model.carton", data, Faults(close_after=1000, times=2))
        ...
        assert len(server.requests("model.carton")) == 3
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from carton_runtime.testing.web_answers import Answering, Request, Served, refuse
from carton_runtime.testing.web_faults import Faults

__all__ = ["Faults", "RangeServer", "Request"]


class RangeServer:
    """The server. It listens from when it is made until `close`, and is a context manager that closes itself.

    Args:
        tls: makes it one for ``https:``.
        host: the name of this machine in its URLs; another one makes it another server to a client.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._server = _Server(tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="range-server")
        self._thread.start()
        self.url = f"{'https' if tls else 'http'}://{host}:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve(self, name: str, content: bytes | Path, faults: Faults | None = None) -> str:
        """Serve a file, in place of what had the name before; gives its URL."""
        self._server.served[f"/{name}"] = Served(content, faults or Faults())
        return f"{self.url}/{name}"

    def redirect(self, name: str, location: str, status: int = 302) -> str:
        """Redirect to a URL; gives the one to begin with."""
        return self.serve(name, b"", Faults(location=location, redirect_status=status))

    def requests(self, name: str) -> list[Request]:
        """The requests for a file so far."""
        return list(self._server.served[f"/{name}"].requests)

    def wait_for(self, name: str, count: int = 1, *, timeout: float = 30.0) -> None:
        """Wait until so many requests for a file have come.

        Raises:
            TimeoutError: they did not within `timeout` seconds.
        """
        served = self._server.served[f"/{name}"]
        with self._server.changed:
            if not self._server.changed.wait_for(lambda: len(served.requests) >= count, timeout):
                raise TimeoutError(f"{len(served.requests)} of {count} requests for {name} came")

    def sent(self, name: str) -> int:
        """Bytes that were sent of a file so far."""
        return sum(request.sent for request in self.requests(name))

    def close(self) -> None:
        """Hang up on everybody, and stop listening. May be called twice."""
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.served: dict[str, Served] = {}
        self.changed = threading.Condition()
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.changed:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up whenever they like, and it is nobody's error here."""

    def hang_up(self) -> None:
        with self.changed:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the other side was faster
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else small answers wait until the client acknowledges their headers
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name there
        """Nobody reads it."""

    def do_GET(self) -> None:
        """Answer a request, for GET and HEAD."""
        parts = urlsplit(self.path)
        served = self.server.served.get(unquote(parts.path))
        if served is None:
            refuse(self, 404, {})
            return
        headers = {name.lower(): text for name, text in self.headers.items()}
        with self.server.changed:
            request = Request(self.command, len(served.requests) + 1, headers, parts.query)
            served.requests.append(request)
            self.server.changed.notify_all()
        Answering(self, served, request).answer()

    do_HEAD = do_GET  # noqa: N815  its name there
