"""Serving the public pages and sending their confirmations, until stopped."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvicorn
from starlette.types import ASGIApp

from newsletter.web.public.confirmation_mail import ConfirmationMailer
from newsletter.web.public.security import PatientProtocol

MOST_AT_ONCE = 500
LONGEST_HEAD = 16 * 1024


async def serve(
    app: ASGIApp, listener: socket.socket, mailer: ConfirmationMailer, *, proxies: tuple[str, ...] = ()
) -> None:
    """Serve `app` on `listener`; X-Forwarded-For is believed from `proxies` only."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,  # it would keep the tokens in the paths
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )
    )
    mailing = asyncio.create_task(mailer.run())
    try:
        await server.serve(sockets=[listener])
    finally:
        mailing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await mailing
