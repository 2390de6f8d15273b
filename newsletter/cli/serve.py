"""`newsletter serve`."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to bind to; else [web] host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to bind to; else [web] port.")
@click.pass_context
def command(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Serve the public pages, and mail the confirmations they ask for, until stopped.

    SIGTERM, as systemd sends it, lets open requests be answered first, for ten seconds at most.

    Unsubscribe, confirm, preferences, view in browser, subscribe, archive; webhooks of providers whose secret is set.
    Put a web server with https before it, and name that in [web] trusted_proxies.

    \b
    Example:
      newsletter serve
      newsletter serve --port 8080
    """
    import asyncio
    import os
    import platform
    import signal
    import sys

    from newsletter.cli.project import opened
    from newsletter.cli.terminal import err, out, settings_of
    from newsletter.clock import SystemClock
    from newsletter.message.keys import load_signers
    from newsletter.web.public.app import public_app, public_site
    from newsletter.web.public.confirmation_mail import ConfirmationMailer
    from newsletter.web.public.serving import serve
    from newsletter.web.serving import bind

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn, when it has ended, hands on what it was sent
    settings = settings_of(ctx)
    with opened(ctx) as (database, ring):
        site = public_site(settings, database, ring, SystemClock())
        listener = bind(host or settings.web.host, settings.web.port if port is None else port)
        name, number = listener.getsockname()[:2]
        out.print(f"Serving {settings.web_url} on http://{name}:{number} (Ctrl-C to stop)", markup=False)

        def say(trouble: str) -> None:
            err.print(f"confirmations: {trouble}", markup=False)

        mailer = ConfirmationMailer(site, load_signers(settings), f"{platform.node()}:{os.getpid()}", trouble=say)
        asyncio.run(serve(public_app(site), listener, mailer, proxies=settings.web.trusted_proxies))
