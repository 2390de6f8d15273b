"""`newsletter preview`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.choices import content_option, series_argument, subscribers_option

if TYPE_CHECKING:
    from newsletter.web.preview.desk import Desk

USUAL_PORT = 8024


@click.command()
@series_argument
@content_option
@subscribers_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help=f"Port of the web page; else {USUAL_PORT} or the next free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Address to bind to; any but this machine's own wants a token.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in your browser.")
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the same as static files, and end.",
)
@click.option(
    "--png",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a picture of each mail at phone and desktop width, and end.",
)
@click.pass_context
def command(
    ctx: click.Context,
    series: str | None,
    content: Path | None,
    subscribers: Path | None,
    port: int | None,
    host: str,
    opens: bool,
    export: Path | None,
    png: Path | None,
) -> None:
    """See in the browser exactly what will be mailed, while you write.

    Without SERIES all of them are shown. The screen follows every save.

    \b
    Example:
      newsletter preview captains
      newsletter preview captains --export review
      newsletter preview captains --png pictures
    """
    from newsletter.cli.choices import content_folder, example_subscribers
    from newsletter.cli.terminal import out, settings_of
    from newsletter.clock import SystemClock
    from newsletter.web.preview.desk import Desk

    content_folder(settings_of(ctx), content)
    desk = Desk(
        lambda: settings_of(ctx),
        SystemClock(),
        content=content.resolve() if content else None,
        only=series,
        examples=lambda settings: example_subscribers(settings, subscribers),
    )
    if export:
        from newsletter.web.preview.export import export_preview

        written = export_preview(desk, export)
        out.print(f"{written} mails written; open {export / 'index.html'}", markup=False)
    if png:
        from newsletter.web.preview.screenshots import photograph

        for picture in photograph(desk, png):
            out.print(str(picture), markup=False)
    if not export and not png:
        serve(desk, host, port, opens=opens)


def serve(desk: Desk, host: str, port: int | None, *, opens: bool) -> None:
    """Serve the preview until Ctrl-C or SIGTERM."""
    import signal
    import sys
    import threading
    import webbrowser
    from secrets import token_urlsafe

    from newsletter.cli.terminal import out
    from newsletter.web.preview.app import create_preview
    from newsletter.web.preview.guard import LOOPBACK
    from newsletter.web.serving import bind, bind_near, serving

    token = "" if host in LOOPBACK else token_urlsafe(24)
    listener = bind_near(host, USUAL_PORT) if port is None else bind(host, port)
    # Pages are checked in the background; a save must not wait five milliseconds at each hand-over between threads.
    sys.setswitchinterval(0.0005)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with serving(create_preview(desk, token=token), listener) as address, desk.live():
        address += f"/?token={token}" if token else ""
        out.print(f"look at  {address}", markup=False)
        out.print("Ctrl-C ends it.", style="dim")
        if opens:
            webbrowser.open(address)
        try:
            stopped.wait()
        except KeyboardInterrupt:
            out.print()
