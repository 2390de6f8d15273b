"""Settings, content, keys and sender: what lies in the project's own folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from newsletter.config import Settings
from newsletter.content.reader import list_series, read_series
from newsletter.doctor.diagnosis import Diagnosis, bad, good, warning
from newsletter.errors import SettingsError
from newsletter.message.dkim import Signer
from newsletter.message.keys import load_keys, read_private

LOOPBACK = ("localhost", "127.0.0.1", "::1")
RESERVED_DOMAINS = (".invalid", ".example", ".test", ".localhost", "example.com", "example.org", "example.net")
"""RFC 2606 and RFC 6761: names that never reach anybody."""


def examine_project(settings: Settings) -> Iterator[Diagnosis]:
    """Look at the settings file, the content, the sender, the public address and the files that hold secrets."""
    if settings.file is None:
        yield warning("settings", "no newsletter.toml here or above; defaults are used", "newsletter init .")
    else:
        yield good("settings", f"{settings.file.name} is readable")
    yield from _content(settings)
    yield from _sender(settings)
    yield from _public_address(settings)
    yield from _secret_files(settings)


def _content(settings: Settings) -> Iterator[Diagnosis]:
    folder = settings.path(settings.site.content)
    if not folder.is_dir():
        yield bad("content", f"{folder} does not exist", "Set [site] content, or run: newsletter init .")
        return
    names = list_series(folder)
    if not names:
        yield bad("content", f"{folder} holds no series", "Put the pages of a dojo into content/NAME/.")
    for name in names:
        series = read_series(folder, name, lang=settings.site.lang)
        mailable = len(series.mailable)
        drafts = len(series.pages) - mailable
        summary = ", ".join(
            _counted(number, noun) for number, noun in ((mailable, "page"), (drafts, "draft")) if number
        )
        if series.broken:
            first = series.broken[0]
            yield bad(f"series {name}", f"{summary}, {len(series.broken)} unreadable: {first.place}", first.remedy)
        elif not mailable:
            yield warning(f"series {name}", f"{summary}: nothing to mail", "Take `draft: true` off a page.")
        else:
            yield good(f"series {name}", summary)


def _sender(settings: Settings) -> Iterator[Diagnosis]:
    address = settings.sender.address
    domain = address.rpartition("@")[2].lower()
    if domain.endswith(RESERVED_DOMAINS):
        yield warning(
            "sender", f"{address} is on a domain that nobody owns", "Set [sender] address to an address of yours."
        )
    else:
        yield good("sender", address)
    if settings.sender.postal_address:
        yield good("postal address", settings.sender.postal_address)
    else:
        yield warning(
            "postal address", "none is set; the law of most countries asks for one", "Set [sender] postal_address."
        )


def _public_address(settings: Settings) -> Iterator[Diagnosis]:
    url = urlsplit(settings.web.url)
    if not settings.web.url:
        yield warning(
            "public pages",
            "no address: unsubscribe links lead to this machine only",
            "Set [web] url to the https address under which `newsletter serve` is reached.",
        )
    elif url.scheme != "https" and url.hostname not in LOOPBACK:
        yield bad(
            "public pages",
            f"{settings.web.url} is not https; mail providers ignore one-click unsubscribe without it (RFC 8058)",
            "Put `newsletter serve` behind a web server with a certificate and set [web] url to its https address.",
        )
    else:
        yield good("public pages", settings.web.url)


def _secret_files(settings: Settings) -> Iterator[Diagnosis]:
    files = {"link keys": settings.web.key_file}
    files |= {f"DKIM key {name}": dkim.key_file for name, dkim in settings.dkims.items() if dkim.key_file}
    for subject, relative in files.items():
        path = settings.path(relative)
        if not path.exists():
            if subject != "link keys":
                yield bad(subject, f"{path} does not exist", "Make one: openssl genpkey -algorithm ed25519 -out FILE")
            continue
        if os.name == "posix" and path.stat().st_mode & 0o077:
            yield bad(subject, f"others can read {path}", f"chmod 600 {path}")
        elif not _readable(path):
            yield bad(
                subject, f"{path} can't be read by this user", f"chown it to the user that runs newsletter: {path}"
            )
        else:
            yield _usable(subject, path)


def _usable(subject: str, path: Path) -> Diagnosis:
    """Read the file as a campaign would: a private file may still hold anything."""
    try:
        if subject == "link keys":
            load_keys(path)
        else:
            Signer.from_pem(read_private(path), domain="", selector="", where=str(path))
    except SettingsError as error:
        return bad(subject, f"{path} {error.message}", error.remedy or "Restore it from a backup.")
    return good(subject, f"{path.name} is private")


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
