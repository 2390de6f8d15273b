"""Who a series is from."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.config import Settings
from newsletter.content.page import Series
from newsletter.errors import DataError, SettingsError
from newsletter.message.headers import wire_address, wire_domain


@dataclass(frozen=True)
class Identity:
    """Who a series is from, as it stands in headers and merge values. All domains are A-labels."""

    sender_name: str
    sender_address: str
    reply_to: str
    bounce_domain: str
    list_domain: str
    series: str
    series_title: str
    site_name: str
    postal_address: str


def identity_of(settings: Settings, series: Series | str) -> Identity:
    """The sender of a series as the settings say. Raises SettingsError for an address or domain that is none."""
    sender = settings.sender
    origin = settings.file or "environment"
    try:
        address, needs_smtputf8 = wire_address(sender.address)
        reply_to, reply_needs_smtputf8 = wire_address(sender.reply_to) if sender.reply_to else ("", False)
        domain = address.rpartition("@")[2]
        bounce_domain, list_domain = (
            wire_domain(wanted) if wanted else domain for wanted in (sender.bounce_domain, sender.list_domain)
        )
    except DataError as error:
        raise SettingsError(f"[sender] {error.where} {error.message}", where=origin) from error
    if needs_smtputf8 or reply_needs_smtputf8:
        raise SettingsError("[sender] an address has letters before the @ that many mail systems refuse", where=origin)
    return Identity(
        sender_name=sender.name or settings.site.name,
        sender_address=address,
        reply_to=reply_to,
        bounce_domain=bounce_domain,
        list_domain=list_domain,
        series=series if isinstance(series, str) else series.name,
        series_title=series if isinstance(series, str) else series.title,
        site_name=settings.site.name,
        postal_address=sender.postal_address,
    )
