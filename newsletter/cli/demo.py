"""`newsletter demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.demo import Demo
    from newsletter.scheduler.prepared import Prepared
    from newsletter.web.inbox.mailbox import Mailbox


@click.command()
@click.option("--port", default=8026, show_default=True, help="Port of the inbox's web page.")
@click.pass_context
def command(ctx: click.Context, port: int) -> None:
    """Compose a dojo and mail it to a local inbox, in fast motion: no account, no server, nothing leaves the machine.

    On a terminal the inbox stays open until Ctrl-C.

    \b
    Example:
      newsletter demo
    """
    import signal
    import tempfile
    import time
    from contextlib import ExitStack, suppress
    from pathlib import Path

    from newsletter.cli import INTERRUPTED
    from newsletter.cli.choices import example_subscribers
    from newsletter.cli.terminal import out
    from newsletter.clock import SystemClock
    from newsletter.demo import Demo, demo_start
    from newsletter.web.inbox.app import create_inbox
    from newsletter.web.inbox.mailbox import Mailbox
    from newsletter.web.inbox.reception import start_reception
    from newsletter.web.serving import bind_or_any, serving

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the temporary folder goes, as on Ctrl-C
    settings, series = _project(ctx)
    subscribers = example_subscribers(settings, None)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        start = demo_start(SystemClock())
        demo: Demo
        mailbox = Mailbox(folder / "mails", lambda: demo.clock.now())
        reception = start_reception(mailbox, 0)
        held.callback(reception.stop)
        demo = Demo(settings, folder, reception.port, start)
        address = held.enter_context(serving(create_inbox(mailbox), bind_or_any(port)))
        prepared = demo.prepare(series)
        _say_composed(series, prepared)
        if not _send(demo, prepared, subscribers, mailbox):
            out.print("stopped before all were sent")
            ctx.exit(INTERRUPTED)
        complete = _say_arrived(mailbox, prepared)
        if out.is_terminal:
            with suppress(KeyboardInterrupt):  # the line is what a quick hand waits for
                out.print(f"\nLook at them: [bold]{address}[/]   Ctrl-C ends it.")
                while True:  # a Ctrl-C that comes just before a wait without an end would not end it
                    time.sleep(0.5)
    if not complete:
        ctx.exit(1)


def _project(ctx: click.Context) -> tuple[Settings, str]:
    """The project here if it has series, else the sample; and the series to mail."""
    import os

    from newsletter.cli.terminal import settings_of
    from newsletter.config import load_settings
    from newsletter.content.reader import list_series
    from newsletter.sample import sample_path

    settings = settings_of(ctx)
    content = settings.path(settings.site.content)
    names = list_series(content) if content.is_dir() else ()
    if not names:
        settings = load_settings(sample_path("newsletter.toml"), os.environ)
        names = list_series(settings.path(settings.site.content))
    return settings, "unions" if "unions" in names else names[0]


def _say_composed(series: str, prepared: Prepared) -> None:
    from newsletter.cli.terminal import counted, out

    out.print(f"[bold]{series}[/]: {counted(len(prepared.pages), 'page')} composed", end="")
    out.print(f", {counted(len(prepared.drafts), 'draft')} held back" if prepared.drafts else "")
    for number, page in enumerate(prepared.pages, start=1):
        size = len(page.email.html.encode()) / 1000
        out.print(f"  {number}  [cyan]{size:3.0f} kB[/]  ", end="")
        out.print(page.title, markup=False)


def _send(demo: Demo, prepared: Prepared, subscribers: Path, mailbox: Mailbox) -> bool:
    """Send all there is; whether it was not stopped before."""
    import threading
    import time

    from newsletter.audience.importing import Outcome
    from newsletter.cli.terminal import counted, out

    report = demo.enroll(prepared, subscribers)
    out.print(
        f"\n{counted(report.rows, 'subscriber')} from {subscribers.name}, a page every three days at 09:00 where they are"
    )
    started = time.perf_counter()
    seen = 0
    turn = threading.Lock()

    def say_news(moment: object) -> None:
        nonlocal seen
        with turn:
            arrived = list(reversed(list(mailbox.summaries())))
            for summary in arrived[seen:]:
                out.print(f"  [dim]{summary.received:%a %d %b %H:%M} UTC[/]  ", end="")
                out.print(
                    f"{', '.join(summary.recipients):<32} {summary.subject}",
                    markup=False,
                    no_wrap=True,
                    overflow="ellipsis",
                )
            seen = len(arrived)

    sent = demo.run(say_news)
    say_news(None)
    out.print(f"\n{counted(sent, 'mail')} sent by SMTP in {time.perf_counter() - started:.0f} s")
    return sent >= report.counts[Outcome.ADDED] * len(prepared.pages)


def _say_arrived(mailbox: Mailbox, prepared: Prepared) -> bool:
    """The summary: what arrived, read back from the inbox. True if each reader has each page once, in order."""
    from newsletter.cli.terminal import counted, out
    from newsletter.demo import read_back

    titles = [page.title for page in prepared.pages]
    readers = read_back(mailbox)
    complete = bool(readers)
    for recipient, arrivals in sorted(readers.items()):
        right = [arrival.subject for arrival in arrivals] == titles
        complete = complete and right
        days = f"{arrivals[0].sent:%d %b} to {arrivals[-1].sent:%d %b}"
        out.print(f"  {recipient:<29} {counted(len(arrivals), 'page')}, {days}  ", end="", markup=False)
        out.print("[green]in order, once each[/]" if right else "[red]not what was due[/]")
    return complete
