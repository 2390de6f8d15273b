"""How long a relay may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait at each stage: RFC 5321 §4.5.3.2, and 30 s to connect. `block` is for handing over the body; `quit`
    is short, since a connection that waits for a goodbye keeps the next one from being opened."""

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    quit: float = 10.0
