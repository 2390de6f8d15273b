"""What the law asks of mail that leaves this machine (CAN-SPAM, CASL; RFC 8058)."""

from __future__ import annotations

from ipaddress import ip_address

from newsletter.config import Settings
from newsletter.errors import CampaignError


def refuse_unlawful(settings: Settings, relay: str) -> None:
    """Raise CampaignError for mail to the world without a postal address or an address to unsubscribe at.

    `relay` is the campaign's ("": any of the settings'); one on this machine reaches nobody.
    """
    used = [settings.relays[relay]] if relay else settings.relays.values()
    if all(_is_loopback(each.host) for each in used):
        return
    if not settings.sender.postal_address:
        raise CampaignError(
            "mail to the world needs a postal address", where=settings.file, remedy="Set [sender] postal_address."
        )
    if not settings.web.url:
        raise CampaignError(
            "mail to the world needs an address at which people can unsubscribe",
            where=settings.file,
            remedy="Set [web] url to the https address of `newsletter serve`.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
