"""`newsletter inbox`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--smtp-port", default=1025, show_default=True, help="Port to take mail on.")
@click.option("--port", default=8026, show_default=True, help="Port of the web page.")
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Folder to keep the mails in; else one that goes when the inbox is closed.",
)  # fmt: skip
def command(smtp_port: int, port: int, folder: Path | None) -> None:
    """Take mail on this machine and show it in the browser; nothing leaves the machine.

    \b
    Example:
      newsletter inbox
      newsletter inbox --dir mails --smtp-port 2525
    """
    import signal
    import tempfile
    import threading
    from contextlib import ExitStack

    from newsletter.cli.terminal import out
    from newsletter.clock import SystemClock
    from newsletter.web.inbox.app import create_inbox
    from newsletter.web.inbox.mailbox import Mailbox
    from newsletter.web.inbox.reception import start_reception
    from newsletter.web.serving import bind, serving

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with ExitStack() as held:
        place = folder or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="inbox-")))
        mailbox = Mailbox(place, SystemClock().now)
        controller = start_reception(mailbox, smtp_port)
        held.callback(controller.stop)
        address = held.enter_context(serving(create_inbox(mailbox), bind("127.0.0.1", port)))
        out.print(f"mail to  127.0.0.1:{controller.port}", markup=False)
        out.print(f"look at  {address}", markup=False)
        if folder:
            out.print(f"kept in  {place}", markup=False)
        out.print("Ctrl-C ends it.", style="dim")
        try:
            stopped.wait()
        except KeyboardInterrupt:
            out.print()
        out.print(f"{len(mailbox)} mails came.", markup=False)
