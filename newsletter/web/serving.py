"""Serving a web application from this process, in a thread: for the inbox and the demo."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from newsletter.errors import ServiceError

START_SECONDS = 10.0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 means any free one. Raises ServiceError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # from here on browsers wait rather than being refused, however long the server takes
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"can't serve on port {port}: {error.strerror}", where=host, remedy="Choose another --port."
        ) from error
    return listener


def bind_or_any(port: int) -> socket.socket:
    """A listening socket on loopback: on `port` if it is free, else on any."""
    try:
        return bind("127.0.0.1", port)
    except ServiceError:
        return bind("127.0.0.1", 0)


def bind_near(host: str, port: int, tries: int = 20) -> socket.socket:
    """A listening socket on `port`, or on the next free one: a second preview need not know of the first."""
    for candidate in range(port, port + tries):
        try:
            return bind(host, candidate)
        except ServiceError:
            continue
    return bind(host, 0)


@contextmanager
def serving(app: ASGIApp, listener: socket.socket) -> Iterator[str]:
    """Serve `app` on `listener` while the block runs; gives the address to look at."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
