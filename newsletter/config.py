"""newsletter.toml and NEWSLETTER_* → Settings.

A setting `[relay] host` is also read from `NEWSLETTER_RELAY_HOST`; the environment wins. Secrets (passwords,
keys) are read from the environment or from a file of mode 0600 that the setting names, never from
newsletter.toml itself. A key that nobody knows is an error: a typing mistake must not become a default.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

from newsletter import config_rules as rules
from newsletter.config_file import ConfigFile, Section, did_you_mean, read_config_file, shown

FILE_NAME = "newsletter.toml"
LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""A relay's name is part of a variable's: NEWSLETTER_RELAY_NAME_PASSWORD."""


def setting(doc: str, default: Any = "", *, rule: rules.Rule | None = None, secret: bool = False) -> Any:
    """Declare one setting: `doc` is its line in docs/configuration.md, `default` its value when unset."""
    metadata = {"doc": doc, "rule": rule, "secret": secret}
    if isinstance(default, dict | list):
        return field(default_factory=lambda: default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class SiteSettings:
    """[site] The site whose pages are mailed."""

    name: str = setting("Name of the site, shown in the header and the legal footer.", "Work Dojos", rule=rules.NAME)
    base_url: str = setting(
        "Address against which relative links and pictures resolve.", "https://workdojos.com", rule=rules.SITE_ADDRESS
    )
    lang: str = setting("Language of pages that name none (BCP 47).", "en", rule=rules.LANG)
    zone: str = setting("Time zone (IANA) of campaigns and subscribers that name none.", "UTC", rule=rules.ZONE)
    content: Path = setting("Folder with one folder of pages per series.", Path("content"), rule=rules.PATH)
    templates: Path = setting(
        "Folder whose templates replace those of the house style, file by file.", Path("templates"), rule=rules.PATH
    )
    static: Path = setting(
        "Folder that holds the site's pictures: `/uploads/x.jpg` is `static/uploads/x.jpg`.",
        Path("static"),
        rule=rules.PATH,
    )
    campaigns: Path = setting("Folder with the campaign files.", Path("campaigns"), rule=rules.PATH)


@dataclass(frozen=True)
class SenderSettings:
    """[sender] Who the mail is from."""

    name: str = setting("Display name in From. Unset: the site's name.", rule=rules.LINE)
    address: str = setting("Address in From.", "letters@newsletter.invalid", rule=rules.MAIL_ADDRESS)
    reply_to: str = setting("Address in Reply-To, if answers go elsewhere.", rule=rules.REPLY_ADDRESS)
    bounce_domain: str = setting(
        "Domain of the envelope sender (`bounces+TOKEN@…`). Unset: the domain of `address`.", rule=rules.DOMAIN
    )
    postal_address: str = setting(
        "Postal address shown in each mail; the law of most countries asks for one.", rule=rules.LINES
    )
    list_domain: str = setting("Domain of List-Id and Message-ID. Unset: the domain of `address`.", rule=rules.DOMAIN)


@dataclass(frozen=True)
class RelaySettings:
    """[relay] or [relays.NAME] An SMTP server that takes our mail."""

    host: str = setting("Host name of the relay.", "127.0.0.1", rule=rules.HOST)
    port: int = setting("Port; unset (0): 587 for starttls, 465 for tls, 25 for plain.", 0, rule=rules.PORT_OR_NONE)
    security: Literal["starttls", "tls", "plain"] = setting(
        "`starttls` and `tls` verify the certificate and never fall back; `plain` is allowed to loopback only.",
        "starttls",
    )
    username: str = setting("User name for AUTH, if the relay asks for one.", rule=rules.LINE)
    password: str = setting("Password for AUTH (or the token for XOAUTH2).", rule=rules.SECRET, secret=True)
    auth: Literal["", "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"] = setting(
        "AUTH mechanism. Unset: the best that both know."
    )
    ca_file: Path | None = setting(
        "File of certificates to trust instead of the system's.", None, rule=rules.OPTIONAL_PATH
    )
    connections: int = setting("Connections open at once.", 8, rule=rules.between(1, 1000))
    messages_per_connection: int = setting("Messages after which a connection is renewed.", 100, rule=rules.COUNT)
    per_hour: int = setting("Messages per hour at most; 0: no limit.", 0, rule=rules.LIMIT)
    per_second: float = setting("Messages per second at most; 0: no limit.", 0.0, rule=rules.RATE)
    domain_per_hour: int = setting(
        "Messages per hour at most to one recipient domain; 0: no limit.", 0, rule=rules.LIMIT
    )
    warm_up: tuple[int, ...] = setting(
        "Messages per day for the first days of a new relay, for example [200, 500, 1000].", (), rule=rules.DAYS
    )
    weight: int = setting(
        "Share of the traffic relative to the other relays; 0: only when the others fail.",
        1,
        rule=rules.between(0, 1000),
    )


@dataclass(frozen=True)
class DkimSettings:
    """[dkim] or [dkims.NAME] A DKIM signature (RFC 6376, RFC 8463)."""

    selector: str = setting("Selector; the public key is at `SELECTOR._domainkey.DOMAIN`.", rule=rules.SELECTOR)
    domain: str = setting("Signing domain. Unset: the domain of the sender's address.", rule=rules.DOMAIN)
    key_file: Path | None = setting(
        "File (mode 0600) with the private key in PEM: rsa or ed25519.", None, rule=rules.OPTIONAL_PATH
    )


@dataclass(frozen=True)
class DatabaseSettings:
    """[database] Where subscribers and progress are kept."""

    url: str = setting(
        "`sqlite:///newsletter.db` or `postgresql://user@host/name`.",
        "sqlite:///newsletter.db",
        rule=rules.DATABASE,
        secret=True,
    )


@dataclass(frozen=True)
class WebSettings:
    """[web] The public pages: unsubscribe, confirm, preferences, archive."""

    url: str = setting(
        "Public https address of `newsletter serve`; links in mails start with it.", rule=rules.WEB_ADDRESS
    )
    host: str = setting("Address to bind to.", "127.0.0.1", rule=rules.HOST)
    port: int = setting("Port to bind to.", 8025, rule=rules.PORT)
    trusted_proxies: tuple[str, ...] = setting(
        "Addresses of reverse proxies whose X-Forwarded-For is believed.", (), rule=rules.NETWORKS
    )
    archive: tuple[str, ...] = setting("Series with a public archive and an Atom feed.", (), rule=rules.NAMES)
    key_file: Path = setting(
        "File (mode 0600) with the keys that sign links; made at first use. Old keys stay valid below the new one.",
        Path("newsletter.key"),
        rule=rules.PATH,
    )


@dataclass(frozen=True)
class PictureSettings:
    """[pictures] How pictures travel."""

    delivery: Literal["link", "embed"] = setting(
        "`link`: by https address; `embed`: inside the mail, by Content-ID.", "link"
    )
    url: str = setting(
        "Address under which pictures that were made here (SVG drawn, large ones scaled) are published. Unset: `[web] url` + /pictures.",
        rule=rules.WEB_ADDRESS,
    )
    cache: Path = setting(
        "Folder for pictures made here, named by content hash.", Path(".newsletter/pictures"), rule=rules.PATH
    )


@dataclass(frozen=True)
class CheckSettings:
    """[check] What `newsletter check` looks at."""

    clients: dict[str, str] = setting(
        'Clients to support and the oldest version of each, for example `outlook.windows = "2016"`; empty: the usual ones.',
        {},
        rule=rules.CLIENTS,
    )
    ignore: tuple[str, ...] = setting("Codes of findings that are never reported.", (), rule=rules.CODES)


@dataclass(frozen=True)
class BounceSettings:
    """[bounces] Where bounces and complaints arrive."""

    mailbox: str = setting(
        "`imaps://user@host/INBOX`, `pop3s://user@host`, `maildir:PATH` or `mbox:PATH`.", rule=rules.INCOMING
    )
    password: str = setting("Password of the mailbox.", rule=rules.SECRET, secret=True)
    soft_limit: int = setting(
        "Soft bounces, over at least three mails, after which an address is suppressed.", 5, rule=rules.COUNT
    )
    reset_days: int = setting("Days without a bounce after which counting starts anew.", 75, rule=rules.COUNT)
    ses_topic: str = setting(
        "ARN of the Amazon SNS topic that reports bounces of SES; opens /hooks/ses.", rule=rules.LINE
    )
    postmark_login: str = setting(
        "`user:password` in the address of Postmark's webhook; opens /hooks/postmark.", rule=rules.SECRET, secret=True
    )
    sendgrid_key: str = setting(
        "Public key of SendGrid's signed event webhook; opens /hooks/sendgrid.", rule=rules.LINES
    )
    mailgun_key: str = setting(
        "Mailgun's HTTP webhook signing key; opens /hooks/mailgun.", rule=rules.SECRET, secret=True
    )


@dataclass(frozen=True)
class LogSettings:
    """[log] Structured logs."""

    format: Literal["text", "json"] = setting("`text` for people, `json` for machines.", "text")
    addresses: Literal["short", "full"] = setting("`short` shows `a…@example.com`.", "short")
    metrics_port: int = setting(
        "Port on loopback for Prometheus metrics of `run`; 0: none.", 0, rule=rules.PORT_OR_NONE
    )


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

    Raises SettingsError, with file, line and remedy, for a file that can't be read, a key nobody knows, a value of
    the wrong type or one that can't be used, and for a relay without TLS that is not on loopback.
    """
    document = read_config_file(file)
    known = {*SECTIONS, *TABLES, *(single for single, _ in TABLES.values())}
    for name in document.tables:
        if name not in known:
            raise document.error(f"unknown section [{name}]", name, remedy=did_you_mean(name, known))
    root = file.resolve().parent if file else Path.cwd()
    values: dict[str, Any] = {"root": root, "file": file}
    for name, kind in SECTIONS.items():
        values[name] = Section(kind, name, name, document, environment, root).read(document.tables.get(name, {}))
    for plural, (single, kind) in TABLES.items():
        values[plural] = _several(plural, single, kind, document, environment, root)
    settings = Settings(**values)
    _refuse_plain_text_to_others(settings, document)
    return settings


def _several(
    plural: str, single: str, kind: type, document: ConfigFile, environment: Mapping[str, str], root: Path
) -> dict[str, Any]:
    """The tables `[relays.NAME]`, and `[relay]` as the one called main."""
    tables = document.tables.get(plural, {})
    if not isinstance(tables, dict):
        raise document.error(f"[{plural}] is not a table", plural, remedy=f"Write [{single}], or [{plural}.NAME].")
    found = {name: (f"{plural}.{name}", f"{single}_{name}") for name in tables}
    if single in document.tables or (not tables and (plural == "relays" or _mentioned(single, environment))):
        found = {"main": (single, single), **found}
    read: dict[str, Any] = {}
    for name, (place, variable) in found.items():
        if not NAME.fullmatch(name):
            raise document.error(
                f"[{plural}] has the name {shown(name)}", place, remedy="Use letters, digits, hyphens and underscores."
            )
        table = document.tables.get(single, {}) if place == single else tables[name]
        read[name] = Section(kind, place, variable, document, environment, root).read(table)
    return read


def _mentioned(section: str, environment: Mapping[str, str]) -> bool:
    return any(name.startswith(f"NEWSLETTER_{section.upper()}_") for name in environment)


def _refuse_plain_text_to_others(settings: Settings, document: ConfigFile) -> None:
    for name, relay in settings.relays.items():
        if relay.security == "plain" and relay.host not in LOOPBACK:
            place = f"relays.{name}" if name in document.tables.get("relays", {}) else "relay"
            raise document.error(
                f'relay {name!r}: security = "plain" would send mail and password unencrypted to {relay.host}',
                place,
                "security",
                remedy='Use "starttls" or "tls"; "plain" is for loopback only.',
            )
