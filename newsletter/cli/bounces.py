"""`newsletter bounces`: tell bounces, complaints and auto-replies apart, and act on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.choices import OrderedGroup
from newsletter.cli.terminal import print_error

if TYPE_CHECKING:
    from newsletter.bounces.classify import Classification
    from newsletter.config import Settings

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: a mail server that pipes a mail to us keeps it and tries again."""


@click.group(cls=OrderedGroup, name="bounces")
def command() -> None:
    """Tell bounces, complaints and auto-replies apart, and act on them.

    \b
    Examples:
      newsletter bounces classify returned.eml
      newsletter bounces process imaps://bounces@mail.example.com/INBOX
    """


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per mail and line.")
@click.pass_context
def classify(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Say what each mail is, without acting on it. FILE is a mail, an mbox, a Maildir, a folder, or - for a pipe.

    \b
    Examples:
      newsletter bounces classify returned.eml
      newsletter bounces classify --json ~/Maildir/.bounces | jq 'select(.hard)'
    """
    import json
    import sys

    from newsletter.bounces.classify import classify_mail
    from newsletter.bounces.sources import read_source, read_stream
    from newsletter.errors import DataError

    unread = 0
    for file in files:
        try:
            for mail in read_stream(sys.stdin.buffer, "-") if file == "-" else read_source(Path(file)):
                found = classify_mail(mail.data)
                line = json.dumps(_as_json(mail.name, found)) if as_json else _as_line(mail.name, found)
                click.echo(line)
        except DataError as error:
            print_error(error)
            unread += 1
    if unread:
        ctx.exit(1)


@command.command()
@click.argument("source", required=False, metavar="[SOURCE]")
@click.pass_context
def process(ctx: click.Context, source: str | None) -> None:
    """Act on the mails of a mailbox: suppress, count, alert. SOURCE is -, a file, an mbox, a Maildir or an address
    like imaps://user@host/INBOX; without it `[bounces] mailbox` is read.

    Only a mail to an address that we made (bounces+TOKEN@...) has consequences; the rest is kept for you in
    .newsletter/bounces. In a pipe, exit code 75 asks the mail server to try again later.

    \b
    Examples:
      newsletter bounces process imaps://bounces@mail.example.com/INBOX
      newsletter bounces process - < returned.eml
    """
    from collections import Counter

    from newsletter.bounces.mailbox import fetch
    from newsletter.bounces.policy import Consequence
    from newsletter.bounces.processing import processor_of
    from newsletter.cli.project import opened
    from newsletter.cli.terminal import counted, settings_of
    from newsletter.clock import SystemClock
    from newsletter.errors import ServiceError, UsageError

    settings = settings_of(ctx)
    source = source or settings.bounces.mailbox
    if not source:
        raise UsageError(
            "no mailbox is named", remedy="Say which: newsletter bounces process SOURCE, or set [bounces] mailbox."
        )
    seen: Counter[Consequence] = Counter()
    try:
        _refuse_where_nothing_was_sent(settings)
        with opened(ctx) as (database, _):
            processor = processor_of(settings, database)
            for mail in fetch(source, settings.bounces.password):
                processed = processor.process(mail.data, SystemClock().now())
                mail.finish()
                seen[processed.consequence] += 1
                click.echo(f"{_as_line(mail.name, processed.classification)} -> {processed.consequence.value}")
    except (ServiceError, UsageError) as error:
        if source != "-":
            raise
        print_error(error)
        ctx.exit(TRY_AGAIN)
    click.echo(counted(sum(seen.values()), "mail") + "".join(f", {n} {c.value}" for c, n in seen.items()))
    if seen[Consequence.KEPT]:
        click.echo(f"Look at what was kept: {processor.folder}")


def _refuse_where_nothing_was_sent(settings: Settings) -> None:
    """In the wrong folder no bounce can be ours; a database made there would only hide the mistake."""
    from newsletter.errors import UsageError

    prefix, _, file = settings.database_url.partition("sqlite:///")
    if not prefix and file and not Path(file).exists():
        raise UsageError(
            "there is no database here, so no mail was sent from here",
            where=file,
            remedy="Run it in the folder of newsletter.toml, or name that: newsletter --config FILE bounces process",
        )


def _as_json(name: str, found: Classification) -> dict[str, object]:
    return {
        "file": name,
        "kind": found.kind.value,
        "hard": found.hard,
        "rcpt": list(found.recipients),
        "status": found.verdict.status,
        "reason": found.verdict.reason.value,
    }


def _as_line(name: str, found: Classification) -> str:
    words = [found.kind.value]
    if found.verdict.reason.value:
        words.append(f"({found.verdict.severity.value}: {found.verdict.reason.value})")
    return f"{name}: {' '.join(words)} {', '.join(found.recipients)}".rstrip()
