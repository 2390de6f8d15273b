"""The SMTP server that takes whatever comes."""

from __future__ import annotations

import socket

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.errors import ServiceError
from newsletter.web.inbox.mailbox import Mailbox

LARGEST_MESSAGE = 50_000_000
"""Bytes: above what any provider takes, below what would hurt this machine."""


class _Taker:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        data = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        try:
            summary = self._mailbox.keep(envelope.mail_from or "", envelope.rcpt_tos, data)
        except OSError as error:
            return f"452 4.3.1 can't keep it: {error.strerror}"
        return f"250 2.0.0 kept as {summary.path.name}"


def start_reception(mailbox: Mailbox, port: int) -> Controller:
    """Take mail on loopback from now on, in a thread; `stop()` of the answer ends it. Port 0: any free one.

    Raises ServiceError when the port is taken.
    """
    if port == 0:  # the controller calls itself up on its port, so it must know which
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    controller = Controller(
        _Taker(mailbox),
        hostname="127.0.0.1",
        port=port,
        data_size_limit=LARGEST_MESSAGE,
        enable_SMTPUTF8=True,
        ident="newsletter inbox",
    )
    try:
        controller.start()
    except OSError as error:
        raise ServiceError(
            f"can't take mail on port {port}: {error.strerror}", where="127.0.0.1", remedy="Choose another --smtp-port."
        ) from error
    return controller
