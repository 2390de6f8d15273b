"""Live progress of a run: on a terminal a line that changes, in a pipe the log, one line per delivery."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from rich.console import Group
from rich.live import Live
from rich.text import Text

from newsletter.cli.terminal import err, out
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery.service import Options, Service
from newsletter.delivery.tally import Tally
from newsletter.store.database import Database


def send_with_progress(
    settings: Settings, database: Database, clock: Clock, options: Options, *, plan: Callable[[], object] | None
) -> Tally:
    """Run the service and show how it goes on stderr. Raises what `Service.run` raises."""
    live = err.is_terminal
    service = Service(
        settings,
        database,
        clock,
        plan=plan,
        options=options,
        log=None if live else sys.stderr,
        environment=os.environ,
    )
    with ExitStack() as shown:
        if live:
            shown.enter_context(
                Live(
                    get_renderable=lambda: _picture(service.tally),
                    console=err,
                    refresh_per_second=4,
                    transient=True,
                )
            )
        if settings.log.metrics_port:
            from newsletter.delivery.metrics import serve_metrics

            shown.callback(serve_metrics(settings.log.metrics_port, lambda: service.tally))
        return service.run()


def say_tally(tally: Tally) -> None:
    """What came of it, in one line."""
    parts = [f"sent {tally.sent:,}"]
    for word in ("deferred", "failed", "uncertain"):
        count = getattr(tally, word)
        if count:
            parts.append(f"{word} {count:,}")
    if tally.unsent:
        parts.append(f"no longer wanted {tally.unsent:,}")
    out.print(", ".join(parts))
    if tally.uncertain:
        err.print("newsletter campaign status  lists the uncertain ones and what to do about them")


def _picture(tally: Tally) -> Group:
    left = tally.seconds_left()
    words = Text()
    words.append(f" {tally.sent:,} sent", style="bold green")
    words.append(f"   {tally.rate():,.0f}/s")
    words.append(f"   {tally.due:,} due")
    if left is not None and tally.due:
        words.append(f"   {timedelta(seconds=round(left))} left", style="dim")
    for count, word, style in (
        (tally.deferred, "deferred", "yellow"),
        (tally.failed, "failed", "red"),
        (tally.uncertain, "uncertain", "bold red"),
    ):
        if count:
            words.append(f"   {count:,} {word}", style=style)
    lines = [words]
    if tally.resting:
        lines.append(Text(f" resting: {', '.join(tally.resting)}", style="yellow"))
    lines.append(Text(" Ctrl-C ends the messages in hand and leaves", style="dim"))
    return Group(*lines)
