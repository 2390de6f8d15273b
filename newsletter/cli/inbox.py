"""`newsletter inbox`."""

from __future__ import annotations

from pathlib import Path

import click

PORT = click.IntRange(0, 65_535)
"""0: any free port."""


@click.command()
@click.option("--smtp-port", type=PORT, default=1025, show_default=True, help="Port to take mail on.")
@click.option("--port", type=PORT, default=8026, show_default=True, help="Port of the web page.")
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Folder to keep the mails in; else one that goes when the inbox is closed.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="List the mails that lie in DIR as JSON, and end.")
@click.option("--count", "counts", is_flag=True, help="Say how many mails lie in DIR, and end.")
def command(smtp_port: int, port: int, folder: Path | None, as_json: bool, counts: bool) -> None:
    """Take mail on this machine and show it in the browser; nothing leaves the machine.

    \b
    Example:
      newsletter inbox
      newsletter inbox --dir mails --smtp-port 2525
      newsletter inbox --dir mails --json
    """
    if as_json or counts:
        _tell(folder, as_json=as_json)
        return
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


def _tell(folder: Path | None, *, as_json: bool) -> None:
    """Print what lies in a folder of mails."""
    import json

    from newsletter.cli.terminal import out
    from newsletter.clock import SystemClock
    from newsletter.errors import UsageError
    from newsletter.web.inbox.mailbox import Mailbox

    if folder is None or not folder.is_dir():
        raise UsageError("there is no such folder of mails", where=folder, remedy="Name it with --dir DIR.")
    mailbox = Mailbox(folder, SystemClock().now)
    out.print(
        json.dumps(mailbox.listing(), ensure_ascii=False, indent=2) if as_json else str(len(mailbox)), markup=False
    )
