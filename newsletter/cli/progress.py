"""Live progress of a run: on a terminal a line that changes, in a pipe the log, one line per delivery."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from newsletter.cli.terminal import err, out
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery.service import Options, Service
from newsletter.delivery.tally import Tally
from newsletter.message.keys import KeyRing
from newsletter.store.database import Database


def send_with_progress(
    settings: Settings,
    database: Database,
    ring: KeyRing,
    clock: Clock,
    options: Options,
    *,
    plan: Callable[[], object] | None,
) -> Tally:
    """Run the service and show how it goes on stderr. Raises what `Service.run` raises."""
    live = err.is_terminal
    screen = Console(stderr=True, highlight=False)  # `err` does not break lines; what changes in place must
    service = Service(
        settings,
        database,
        ring,
        clock,
        plan=plan,
        options=options,
        log=None if live else sys.stderr,
        environment=os.environ,
        tell=partial(_tell, screen) if live else None,
    )
    with ExitStack() as shown:
        if live:
            shown.enter_context(
                Live(get_renderable=lambda: _picture(service), console=screen, refresh_per_second=4, transient=True)
            )
        if settings.log.metrics_port:
            from newsletter.delivery.metrics import serve_metrics

            shown.callback(serve_metrics(settings.log.metrics_port, lambda: service.tally))
        return service.run()


def _tell(screen: Console, text: str) -> None:
    """What the operator must know stays above the line that changes."""
    screen.print(f"[yellow]{datetime.now():%H:%M:%S}[/] {escape(text)}")  # noqa: DTZ005 - for who sits there


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


def _picture(service: Service) -> Group:
    tally = service.tally
    left = tally.seconds_left()
    counts = [
        Text(f"{tally.sent:,} sent", style="bold green"),
        Text(f"{tally.rate():,.0f}/s"),
        Text(f"{tally.due:,} due"),
    ]
    if left is not None and tally.due:
        counts.append(Text(f"{timedelta(seconds=round(left))} left", style="dim"))
    for count, word, style in (
        (tally.deferred, "deferred", "yellow"),
        (tally.failed, "failed", "red"),
        (tally.uncertain, "uncertain", "bold red"),
    ):
        if count:
            counts.append(Text(f"{count:,} {word}", style=style))
    lines: list[RenderableType] = [Columns(counts, padding=(0, 1))]
    if tally.resting:
        lines.append(Text(f"resting: {', '.join(tally.resting)}", style="yellow"))
    if service.is_stopping:
        lines.append(Text("ending the messages in hand; Ctrl-C again leaves at once", style="yellow"))
    else:
        lines.append(Text("Ctrl-C ends the messages in hand and leaves", style="dim"))
    return Group(*lines)
