"""`newsletter test`."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter.cli.choices import content_option, subscribers_option


@click.command()
@click.argument("page", metavar="SERIES/PAGE")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Where the mail goes.")
@click.option("--as", "person", metavar="ADDRESS", help="Merge the data of this subscriber.")
@click.option("--draft", is_flag=True, help="Allow a draft; the subject is marked.")
@click.option("--relay", default="main", show_default=True, metavar="NAME", help="Relay to send through.")
@content_option
@subscribers_option
@click.pass_context
def command(
    ctx: click.Context,
    page: str,
    address: str,
    person: str | None,
    draft: bool,
    relay: str,
    content: Path | None,
    subscribers: Path | None,
) -> None:
    """Send one page to one address, exactly as a campaign would send it.

    \b
    Example:
      newsletter test captains/_index --to me@example.com
      newsletter test captains/night-watch --draft --to me@example.com --as ann.lee@acme.example
    """
    from contextlib import nullcontext

    from newsletter.cli.choices import content_folder, example_subscribers
    from newsletter.cli.terminal import err, out, settings_of
    from newsletter.clock import SystemClock
    from newsletter.trial import send_trial

    settings = settings_of(ctx)
    with err.status("asking the relay …") if err.is_terminal else nullcontext():
        reply = send_trial(
            settings,
            page,
            address,
            person=person,
            allow_draft=draft,
            relay=relay,
            content=content_folder(settings, content),
            examples=example_subscribers(settings, subscribers),
            now=SystemClock().now(),
        )
    out.print(f"sent to {address}: {reply.code} {reply.text}", markup=False)
