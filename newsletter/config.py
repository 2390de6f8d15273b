"""newsletter.toml and NEWSLETTER_* → Settings.

A setting `[relay] host` is also read from `NEWSLETTER_RELAY_HOST`; the environment wins. Secrets (passwords,
keys) are read from the environment or from a file of mode 0600 that the setting names, never from
newsletter.toml itself. A key that nobody knows is an error: a typing mistake must not become a default.
"""

from __future__ import annotations

import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from newsletter.errors import SettingsError

FILE_NAME = "newsletter.toml"


def setting(doc: str, default: Any = "", *, secret: bool = False) -> Any:
    """Declare one setting: `doc` is its line in docs/configuration.md, `default` its value when unset."""
    metadata = {"doc": doc, "secret": secret}
    if isinstance(default, dict | list):
        return field(default_factory=lambda: default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class SiteSettings:
    """[site] The site whose pages are mailed."""

    name: str = setting("Name of the site, shown in the header and the legal footer.", "Work Dojos")
    base_url: str = setting("Address against which relative links and pictures resolve.", "https://workdojos.com")
    lang: str = setting("Language of pages that name none (BCP 47).", "en")
    zone: str = setting("Time zone (IANA) of campaigns and subscribers that name none.", "UTC")
    content: Path = setting("Folder with one folder of pages per series.", Path("content"))
    templates: Path = setting(
        "Folder whose templates replace those of the house style, file by file.", Path("templates")
    )
    static: Path = setting(
        "Folder that holds the site's pictures: `/uploads/x.jpg` is `static/uploads/x.jpg`.", Path("static")
    )
    campaigns: Path = setting("Folder with the campaign files.", Path("campaigns"))


@dataclass(frozen=True)
class SenderSettings:
    """[sender] Who the mail is from."""

    name: str = setting("Display name in From. Unset: the site's name.")
    address: str = setting("Address in From.", "letters@newsletter.invalid")
    reply_to: str = setting("Address in Reply-To, if answers go elsewhere.")
    bounce_domain: str = setting("Domain of the envelope sender (`bounces+TOKEN@…`). Unset: the domain of `address`.")
    postal_address: str = setting("Postal address shown in each mail; the law of most countries asks for one.")
    list_domain: str = setting("Domain of List-Id and Message-ID. Unset: the domain of `address`.")


@dataclass(frozen=True)
class RelaySettings:
    """[relay] or [relays.NAME] An SMTP server that takes our mail."""

    host: str = setting("Host name of the relay.", "127.0.0.1")
    port: int = setting("Port; unset (0): 587 for starttls, 465 for tls, 25 for plain.", 0)
    security: Literal["starttls", "tls", "plain"] = setting(
        "`starttls` and `tls` verify the certificate and never fall back; `plain` is allowed to loopback only.",
        "starttls",
    )
    username: str = setting("User name for AUTH, if the relay asks for one.")
    password: str = setting("Password for AUTH (or the token for XOAUTH2).", secret=True)
    auth: Literal["", "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"] = setting(
        "AUTH mechanism. Unset: the best that both know."
    )
    ca_file: Path | None = setting("File of certificates to trust instead of the system's.", None)
    connections: int = setting("Connections open at once.", 8)
    messages_per_connection: int = setting("Messages after which a connection is renewed.", 100)
    per_hour: int = setting("Messages per hour at most; 0: no limit.", 0)
    per_second: float = setting("Messages per second at most; 0: no limit.", 0.0)
    domain_per_hour: int = setting("Messages per hour at most to one recipient domain; 0: no limit.", 0)
    warm_up: tuple[int, ...] = setting(
        "Messages per day for the first days of a new relay, for example [200, 500, 1000].", ()
    )
    weight: int = setting("Share of the traffic relative to the other relays; 0: only when the others fail.", 1)


@dataclass(frozen=True)
class DkimSettings:
    """[dkim] or [dkims.NAME] A DKIM signature (RFC 6376, RFC 8463)."""

    selector: str = setting("Selector; the public key is at `SELECTOR._domainkey.DOMAIN`.")
    domain: str = setting("Signing domain. Unset: the domain of the sender's address.")
    key_file: Path | None = setting("File (mode 0600) with the private key in PEM: rsa or ed25519.", None)


@dataclass(frozen=True)
class DatabaseSettings:
    """[database] Where subscribers and progress are kept."""

    url: str = setting(
        "`sqlite:///newsletter.db` or `postgresql://user@host/name`.", "sqlite:///newsletter.db", secret=True
    )


@dataclass(frozen=True)
class WebSettings:
    """[web] The public pages: unsubscribe, confirm, preferences, archive."""

    url: str = setting("Public https address of `newsletter serve`; links in mails start with it.")
    host: str = setting("Address to bind to.", "127.0.0.1")
    port: int = setting("Port to bind to.", 8025)
    trusted_proxies: tuple[str, ...] = setting("Addresses of reverse proxies whose X-Forwarded-For is believed.", ())
    archive: tuple[str, ...] = setting("Series with a public archive and an Atom feed.", ())
    key_file: Path = setting(
        "File (mode 0600) with the keys that sign links; made at first use. Old keys stay valid below the new one.",
        Path("newsletter.key"),
    )


@dataclass(frozen=True)
class PictureSettings:
    """[pictures] How pictures travel."""

    delivery: Literal["link", "embed"] = setting(
        "`link`: by https address; `embed`: inside the mail, by Content-ID.", "link"
    )
    url: str = setting(
        "Address under which pictures that were made here (SVG drawn, large ones scaled) are published. Unset: `[web] url` + /pictures."
    )
    cache: Path = setting("Folder for pictures made here, named by content hash.", Path(".newsletter/pictures"))


@dataclass(frozen=True)
class CheckSettings:
    """[check] What `newsletter check` looks at."""

    clients: dict[str, str] = setting(
        'Clients to support and the oldest version of each, for example `outlook.windows = "2016"`; empty: the usual ones.',
        {},
    )
    ignore: tuple[str, ...] = setting("Codes of findings that are never reported.", ())


@dataclass(frozen=True)
class BounceSettings:
    """[bounces] Where bounces and complaints arrive."""

    mailbox: str = setting("`imaps://user@host/INBOX`, `pop3s://user@host`, `maildir:PATH` or `mbox:PATH`.")
    password: str = setting("Password of the mailbox.", secret=True)
    soft_limit: int = setting("Soft bounces, over at least three mails, after which an address is suppressed.", 5)
    reset_days: int = setting("Days without a bounce after which counting starts anew.", 75)
    ses_topic: str = setting("ARN of the Amazon SNS topic that reports bounces of SES; opens /hooks/ses.")
    postmark_login: str = setting(
        "`user:password` in the address of Postmark's webhook; opens /hooks/postmark.", secret=True
    )
    sendgrid_key: str = setting("Public key of SendGrid's signed event webhook; opens /hooks/sendgrid.")
    mailgun_key: str = setting("Mailgun's HTTP webhook signing key; opens /hooks/mailgun.", secret=True)


@dataclass(frozen=True)
class LogSettings:
    """[log] Structured logs."""

    format: Literal["text", "json"] = setting("`text` for people, `json` for machines.", "text")
    addresses: Literal["short", "full"] = setting("`short` shows `a…@example.com`.", "short")
    metrics_port: int = setting("Port on loopback for Prometheus metrics of `run`; 0: none.", 0)


@dataclass(frozen=True)
class Settings:
    """All settings. `root` is the folder of newsletter.toml; relative paths start there."""

    root: Path = field(default_factory=Path.cwd)
    file: Path | None = None
    site: SiteSettings = field(default_factory=SiteSettings)
    sender: SenderSettings = field(default_factory=SenderSettings)
    relays: Mapping[str, RelaySettings] = field(default_factory=lambda: {"main": RelaySettings()})
    dkims: Mapping[str, DkimSettings] = field(default_factory=dict)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    web: WebSettings = field(default_factory=WebSettings)
    pictures: PictureSettings = field(default_factory=PictureSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    bounces: BounceSettings = field(default_factory=BounceSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def path(self, path: Path) -> Path:
        """`path` as an absolute one: relative ones start at the project's folder."""
        return path if path.is_absolute() else self.root / path

    @property
    def database_url(self) -> str:
        """`[database] url`, a relative SQLite file made absolute: it lies in the project's folder."""
        url = self.database.url
        prefix, separator, file = url.partition("sqlite:///")
        if separator and not prefix and file and not file.startswith((":", "/")):
            return f"sqlite:///{self.path(Path(file))}"
        return url

    @property
    def web_url(self) -> str:
        """The address that links in mails start with: `[web] url`, else this machine's, for trying things out."""
        return self.web.url.rstrip("/") or f"http://{self.web.host}:{self.web.port}"


SECTIONS: dict[str, type] = {
    name: typing.cast(type, kind) for name, kind in typing.get_type_hints(Settings).items() if is_dataclass(kind)
}
TABLES: dict[str, tuple[str, type]] = {"relays": ("relay", RelaySettings), "dkims": ("dkim", DkimSettings)}
"""Sections of which there may be several: `[relays.NAME]`; a single one may be written `[relay]`."""


def find_project(start: Path) -> Path | None:
    """The nearest newsletter.toml in `start` or a folder above it."""
    for folder in (start, *start.parents):
        candidate = folder / FILE_NAME
        if candidate.is_file():
            return candidate
    return None


def load_settings(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read settings from `file` (None: defaults only) and `environment`.

    Raises SettingsError for a file that can't be read, an unknown key, a value of the wrong type, a zone that
    does not exist, or a relay without TLS that is not on loopback.
    """
    document: dict[str, Any] = {}
    if file is not None:
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise SettingsError(f"can't be read: {error.strerror}", where=file) from error
        except UnicodeDecodeError as error:
            raise SettingsError("is not UTF-8", where=file, remedy="Save the file as UTF-8.") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"is not TOML: {error}", where=file) from error
    origin = str(file) if file else "defaults"
    known = {*SECTIONS, *TABLES, *(single for single, _ in TABLES.values())}
    for section in document:
        if section not in known:
            raise SettingsError(
                f"unknown section [{section}]", where=origin, remedy=f"Known: {', '.join(sorted(known))}."
            )
    root = file.resolve().parent if file else Path.cwd()
    values: dict[str, Any] = {"root": root, "file": file}
    for name, kind in SECTIONS.items():
        values[name] = _section(kind, name, document.get(name, {}), environment, origin, root)
    for plural, (single, kind) in TABLES.items():
        tables = dict(document.get(plural, {}))
        if single in document or (not tables and (plural == "relays" or _mentioned(single, environment))):
            tables = {"main": document.get(single, {}), **tables}
        values[plural] = {
            name: _section(kind, single if name == "main" else f"{single}_{name}", table, environment, origin, root)
            for name, table in tables.items()
        }
    settings = Settings(**values)
    _refuse_impossible(settings, origin)
    return settings


def _mentioned(section: str, environment: Mapping[str, str]) -> bool:
    return any(name.startswith(f"NEWSLETTER_{section.upper()}_") for name in environment)


def _section(kind: type, name: str, table: Any, environment: Mapping[str, str], origin: str, root: Path) -> Any:
    if not isinstance(table, dict):
        raise SettingsError(f"[{name}] is not a table", where=origin)
    hints = typing.get_type_hints(kind)
    declared = {item.name: item for item in fields(kind)}
    for key in table:
        if key.removesuffix("_file") in declared and declared[key.removesuffix("_file")].metadata.get("secret"):
            continue
        if key not in declared:
            raise SettingsError(
                f"unknown key {key!r} in [{name}]", where=origin, remedy=f"Known: {', '.join(declared)}."
            )
    values: dict[str, Any] = {}
    for key, item in declared.items():
        variable = f"NEWSLETTER_{name}_{key}".upper()
        if variable in environment:
            values[key] = _from_text(environment[variable], hints[key], variable)
        elif item.metadata.get("secret") and f"{key}_file" in table:
            values[key] = _read_secret(root / str(table[f"{key}_file"]), f"[{name}] {key}_file")
        elif item.metadata.get("secret") and key == "password" and key in table:
            raise SettingsError(
                f"[{name}] {key} must not stand in a file that is kept in git",
                where=origin,
                remedy=f"Set {variable}, or name a file of mode 0600 with {key}_file.",
            )
        elif key in table:
            values[key] = _typed(table[key], hints[key], f"[{name}] {key}", origin)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise SettingsError(f"[{name}] {key} is missing", where=origin)
    return kind(**values)


def _read_secret(path: Path, label: str) -> str:
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise SettingsError(f"{label}: others can read this file", where=path, remedy=f"chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{label}: {error.strerror}", where=path) from error


def _typed(value: Any, hint: Any, label: str, origin: str) -> Any:
    origin_type, arguments = get_origin(hint), get_args(hint)
    if origin_type is Literal:
        if value in arguments:
            return value
        choices = ", ".join(repr(choice) for choice in arguments if choice != "")
        raise SettingsError(f"{label} is {value!r}", where=origin, remedy=f"One of {choices}.")
    if origin_type is types.UnionType:
        return (
            None if value is None else _typed(value, next(a for a in arguments if a is not type(None)), label, origin)
        )
    if origin_type is tuple and isinstance(value, list):
        return tuple(_typed(item, arguments[0], label, origin) for item in value)
    if origin_type is dict and isinstance(value, dict):
        return _flat(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (str, int, bool) and type(value) is hint:
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise SettingsError(f"{label} is {value!r}", where=origin, remedy=f"It should be of type {wanted}.")


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """`{outlook: {windows: "2016"}}` → `{"outlook.windows": "2016"}`, as TOML's dotted keys read."""
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def _from_text(text: str, hint: Any, variable: str) -> Any:
    origin_type, arguments = get_origin(hint), get_args(hint)
    if origin_type is tuple:
        return tuple(_from_text(item.strip(), arguments[0], variable) for item in text.split(",") if item.strip())
    if origin_type is types.UnionType:
        return _from_text(text, next(a for a in arguments if a is not type(None)), variable)
    if hint is Path:
        return Path(text)
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError as error:
            raise SettingsError(
                f"{variable} is {text!r}", where="environment", remedy="It should be a number."
            ) from error
    return _typed(text, hint, variable, "environment")


def _refuse_impossible(settings: Settings, origin: str) -> None:
    try:
        ZoneInfo(settings.site.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"[site] zone {settings.site.zone!r} is not an IANA time zone",
            where=origin,
            remedy="For example Europe/Paris.",
        ) from error
    for name, relay in settings.relays.items():
        if relay.security == "plain" and relay.host not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError(
                f'relay {name!r}: security = "plain" would send mail and password unencrypted to {relay.host}',
                where=origin,
                remedy='Use "starttls" or "tls"; "plain" is for loopback only.',
            )
