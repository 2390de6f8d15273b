"""`newsletter build`."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter.cli.choices import content_option, series_argument, subscribers_option

LONGEST_NAME = 44
"""Columns of a file's name at most, so that sizes and titles stand below each other."""


@click.command()
@series_argument
@content_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="out",
    show_default=True,
    metavar="DIR",
    help="Folder to write to.",
)
@subscribers_option
@click.pass_context
def command(ctx: click.Context, series: str | None, content: Path | None, out: Path, subscribers: Path | None) -> None:
    """Write each page that would be sent as .html, .txt and .eml, merged for the first example subscriber.

    Drafts are left out. A page that can't be read is reported and the others are still built.

    \b
    Example:
      newsletter build captains --out out
    """
    from newsletter.audience.rows import read_example
    from newsletter.build import Builder, Built
    from newsletter.cli.choices import chosen_series, example_subscribers
    from newsletter.cli.terminal import counted, print_findings, settings_of
    from newsletter.cli.terminal import out as terminal
    from newsletter.clock import SystemClock
    from newsletter.errors import DataError
    from newsletter.finding import Finding, Severity

    settings = settings_of(ctx)
    chosen = chosen_series(settings, series, content)
    example = example_subscribers(settings, subscribers)
    reader = next(read_example(example), None)
    if reader is None:
        raise DataError(
            "The file has no subscriber.", where=example, remedy="Add a row: the mails are merged for the first one."
        )
    builder = Builder(settings, reader, out)
    built: list[Built] = []
    findings: list[Finding] = []
    for one in chosen:
        findings += [*one.broken, *one.findings]
        width = min(max((len(page.slug) for page in one.mailable), default=0) + len("  00-.html"), LONGEST_NAME)
        terminal.print(f"{one.name} → {out / one.name}", style="bold", markup=False)
        for result in builder.build(one, SystemClock().now()):
            if isinstance(result, Built):
                built.append(result)
                findings += [*result.page.findings, *result.findings]
                size = f"{result.html_bytes / 1000:.0f} kB"
                name = f"  {result.stem.name}.html"
                line = f"{name:<{width}}  {size:>6}  {result.page.title}"
                fits = terminal.is_terminal  # in a pipe a title is not cut
                terminal.print(line, markup=False, no_wrap=True, overflow="ellipsis" if fits else "ignore", crop=fits)
            else:
                findings.append(result.finding)
    findings = list(dict.fromkeys(findings))  # a mistake in a template is found once per page
    print_findings(findings)
    drafts = sum(page.draft for one in chosen for page in one.pages)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counts = (counted(len(built), "mail"), f"{counted(drafts, 'draft')} left out", counted(errors, "error"))
    terminal.print(f"{', '.join(counts)}; merged for {reader.address}", style="bold", markup=False)
    if errors:
        ctx.exit(1)
