"""`newsletter check`."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from newsletter.cli.choices import content_option, series_argument

if TYPE_CHECKING:
    from newsletter.check.checker import CheckedSeries
    from newsletter.config import Settings
    from newsletter.content.page import Series
    from newsletter.finding import Finding

GOLDEN = Path("golden")


@click.command()
@series_argument
@content_option
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@click.option(
    "--subscribers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CSV whose every row is merged into every page.",
)
@click.option("--golden", is_flag=True, help="Compare the shape of each mail with the one kept in golden/.")
@click.option("--update-golden", is_flag=True, help="Keep the present shapes in golden/.")
@click.option("--online", is_flag=True, help="Ask links of other sites too; nothing else leaves the machine.")
@click.option("--spam", is_flag=True, help="Ask SpamAssassin too, offline.")
@click.option(
    "--refresh",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Replace the client data by a copy of caniemail.json, and stop.",
)
@click.pass_context
def command(
    ctx: click.Context,
    series: str | None,
    content: Path | None,
    form: str,
    subscribers: Path | None,
    golden: bool,
    update_golden: bool,
    online: bool,
    spam: bool,
    refresh: Path | None,
) -> None:
    """Report what is wrong with the mails as they would be sent, with the line to mend.

    Exits with 1 when there is an error. Every rule: docs/checks.md

    \b
    Example:
      newsletter check captains
      newsletter check --format sarif > mails.sarif
    """
    from newsletter.check.spamassassin import spamassassin
    from newsletter.cli.choices import content_folder
    from newsletter.cli.terminal import settings_of
    from newsletter.config import FILE_NAME
    from newsletter.finding import Severity

    if refresh:
        _refresh(refresh)
        return
    if spam:
        spamassassin()
    settings = settings_of(ctx)
    checked, findings = _check(settings, series, content, subscribers)
    folder = settings.path(GOLDEN)
    if update_golden:
        _keep_shapes(checked, folder)
    elif golden:
        findings += _compare_shapes(checked, folder)
    if online:
        findings += _ask_links(checked)
    if spam:
        findings += _ask_spamassassin(checked)
    names = Names(_relative(content_folder(settings, content)), _relative(settings.file or Path(FILE_NAME)))
    _print(form, findings, checked, names, series)
    if any(finding.severity is Severity.ERROR for finding in findings):
        ctx.exit(1)


def _check(
    settings: Settings, series: str | None, content: Path | None, subscribers: Path | None
) -> tuple[list[CheckedSeries], list[Finding]]:
    """Each chosen series after checking, and all that was found."""
    from newsletter.check.checker import Checker
    from newsletter.check.merging import NOBODY_GIVEN, GivenReaders
    from newsletter.checking import check_all
    from newsletter.cli.check_subscribers import SubscribersFile
    from newsletter.cli.choices import chosen_series
    from newsletter.clock import SystemClock

    everything = chosen_series(settings, None, content)
    chosen = everything if series is None else chosen_series(settings, series, content)
    gc.freeze()  # the modules stay for good, and looking through them took a tenth of the time
    file = SubscribersFile(subscribers) if subscribers else None
    readers = GivenReaders(file.name, file.read) if file else NOBODY_GIVEN
    checked = check_all(Checker(settings, everything, readers), chosen, SystemClock().now())
    findings = [finding for one in checked for finding in one.all_findings]
    return checked, findings + (file.findings() if file else [])


class Names(NamedTuple):
    """The folder of content and the settings as seen from where the command runs: a terminal and a code host follow them."""

    content: str
    settings: str

    def of(self, path: str) -> str:
        """Findings know pages by their place in the folder of content, templates by their whole path."""
        if Path(path).is_absolute():
            return _relative(Path(path))
        return f"{self.content}/{path}" if "/" in path else self.settings


def _print(
    form: str, findings: Sequence[Finding], checked: Sequence[CheckedSeries], names: Names, series: str | None
) -> None:
    from dataclasses import replace

    from newsletter import __version__
    from newsletter.check.report import counts, json_report, text_report
    from newsletter.check.sarif import sarif_report
    from newsletter.cli.terminal import counted, out
    from newsletter.finding import Severity

    findings = list(dict.fromkeys(replace(one, path=names.of(one.path)) for one in findings))
    if form == "json":
        click.echo(json_report(findings))
        return
    if form == "sarif":
        click.echo(sarif_report(findings, __version__))
        return
    sources = _sources(findings, checked, names.content)
    report = text_report(findings, sources)
    if report:
        out.print(report, end="")
    if series:
        _print_budgets(checked)
    number = counts(findings)
    mails = counted(sum(len(one.pages) for one in checked), "mail")
    words = ", ".join(counted(number[severity], severity.value) for severity in Severity)
    style = "bold red" if number[Severity.ERROR] else "bold green"
    out.print(f"{mails} checked: {words}", style=style)


def _print_budgets(checked: Sequence[CheckedSeries]) -> None:
    """Where the bytes of each mail go, and how long it takes to read."""
    from rich.table import Table

    from newsletter.check.rendering import budget
    from newsletter.check.text import WORDS_PER_MINUTE
    from newsletter.cli.terminal import out

    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("mail", "kB", "shell", "theme", "article", "links", "minutes"):
        table.add_column(heading, justify="left" if heading == "mail" else "right")
    for one in checked:
        for page in one.pages:
            if page.mail:
                parts = [f"{size / 1000:.1f}" for size in budget(page.mail).values()]
                size = f"{len(page.mail.html.encode()) / 1000:.1f}"
                minutes = f"{max(len(page.mail.words) / WORDS_PER_MINUTE, 1):.0f}"
                table.add_row(f"{one.series.name}/{page.page.slug}", size, *parts, minutes)
    if table.row_count:
        out.print(table)


def _relative(path: Path) -> str:
    """A folder or file as seen from where the command runs, if it lies below."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def _sources(findings: Sequence[Finding], checked: Sequence[CheckedSeries], content: str) -> dict[str, list[str]]:
    """The lines of every file that has findings, less those of subscribers; `findings` name files as they are printed."""
    from newsletter.check.other_codes import SUBSCRIBER_REFUSED

    sources = {f"{content}/{page.path}": page.source.split("\n") for one in checked for page in one.series.pages}
    quotable = {finding.path for finding in findings if finding.line and finding.code != SUBSCRIBER_REFUSED}
    for path in quotable - sources.keys():
        file = Path(path)
        if file.is_file() and not file.is_symlink():
            sources[path] = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return sources


def _shape_file(folder: Path, series: Series, slug: str) -> Path:
    return folder / series.name / f"{slug.replace('/', '-')}.txt"


def _keep_shapes(checked: Sequence[CheckedSeries], folder: Path) -> None:
    from newsletter.check.golden import shape_of
    from newsletter.cli.terminal import counted, err

    kept = 0
    for one in checked:
        for page in one.pages:
            if page.mail:
                file = _shape_file(folder, one.series, page.page.slug)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(shape_of(page.mail, page.page), encoding="utf-8")
                kept += 1
    err.print(f"{counted(kept, 'shape')} kept in {folder.name}/; add them to git.")


def _compare_shapes(checked: Sequence[CheckedSeries], folder: Path) -> list[Finding]:
    from newsletter.check.golden import compare
    from newsletter.finding import Finding, Severity

    findings = []
    for one in checked:
        for page in one.pages:
            file = _shape_file(folder, one.series, page.page.slug)
            where = f"{folder.name}/{one.series.name}/{file.name}"
            if not page.mail:
                continue
            if not file.is_file():
                message, remedy = f"No shape is kept in {where}.", "Run: newsletter check --update-golden"
                findings.append(Finding("golden-outdated", Severity.INFO, message, page.page.path, 1, remedy))
            elif found := compare(file.read_text(encoding="utf-8"), page.mail, page.page, where):
                findings.append(found)
    return findings


def _ask_links(checked: Sequence[CheckedSeries]) -> list[Finding]:
    from newsletter.check.mail import is_authors, line_of
    from newsletter.check.online import LinkProbe, Place
    from newsletter.cli.terminal import err

    places = [
        Place(element.get("href" if element.tag == "a" else "src") or "", page.page.path, line_of(element))
        for one in checked
        for page in one.pages
        if page.mail
        for element in page.mail.named("a", "img")
        if is_authors(element)
    ]
    with err.status("Asking links …"):
        return LinkProbe().check(places)


def _ask_spamassassin(checked: Sequence[CheckedSeries]) -> list[Finding]:
    from newsletter.check.spamassassin import verdicts
    from newsletter.cli.terminal import err

    mails = [page.mail for one in checked for page in one.pages]
    paths = [page.page.path for one in checked for page in one.pages]
    messages = [(mail.data, path) for mail, path in zip(mails, paths, strict=True) if mail and mail.data]
    findings: list[Finding] = []
    with err.status("Asking SpamAssassin …") as status:
        for number, found in enumerate(verdicts(messages), start=1):
            findings += found
            status.update(f"Asking SpamAssassin … {number} of {len(messages)}")
    return findings


def _refresh(source: Path) -> None:
    """Write the client data anew from a local copy of what caniemail.com publishes."""
    import gzip
    import json
    from importlib.resources import as_file, files

    from newsletter.check.clients import DATA, trim
    from newsletter.cli.terminal import counted, out
    from newsletter.errors import DataError

    file = source
    if source.is_dir():
        found = sorted(source.rglob("caniemail.json"))
        if not found:
            raise DataError("This folder holds no caniemail.json.", where=source)
        file = found[0]
    try:
        raw: Any = json.loads(file.read_bytes())
    except (ValueError, OSError) as error:
        raise DataError(f"This is not JSON: {error}.", where=file) from error
    trimmed = trim(raw, file.name)
    packed = gzip.compress(json.dumps(trimmed, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    with as_file(files("newsletter.check").joinpath(DATA)) as place:
        try:
            place.write_bytes(packed)
        except OSError as error:
            raise DataError(f"The data can't be written: {error.strerror}.", where=place) from error
    out.print(f"{counted(len(trimmed['features']), 'feature')} of {trimmed['date'][:10]} are in use now.")
