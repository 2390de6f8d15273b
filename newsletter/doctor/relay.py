"""The relay: does it answer, is its certificate good, does it let us in, what does it offer."""

from __future__ import annotations

import ssl

import aiosmtplib

from newsletter.config import RelaySettings
from newsletter.delivery.smtp.connection import DEFAULT_PORTS
from newsletter.doctor.diagnosis import Diagnosis, bad, good, unreachable, warning
from newsletter.doctor.project import LOOPBACK

TIMEOUT_SECONDS = 15.0


async def examine_relay(
    name: str, relay: RelaySettings, timeout_seconds: float = TIMEOUT_SECONDS
) -> tuple[Diagnosis, ...]:
    """Connect, encrypt and log in as a campaign would, and send nothing."""
    port = relay.port or DEFAULT_PORTS[relay.security]
    subject = f"relay {name}"
    place = f"{relay.host}:{port}"
    context = None
    if relay.security != "plain":
        context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=port,
        use_tls=relay.security == "tls",
        start_tls=relay.security == "starttls",
        tls_context=context,
        timeout=timeout_seconds,
    )
    try:
        await client.connect()
    except ssl.SSLCertVerificationError as error:
        return (bad(subject, f"{place}: certificate refused: {error.verify_message}", "Set [relay] ca_file, or host."),)
    except (aiosmtplib.SMTPException, OSError) as error:
        if isinstance(error.__cause__, ConnectionRefusedError):
            remedy = "Is it running? Check [relay] host and port."
            if relay.host in LOOPBACK:
                remedy += " To try things out: newsletter inbox"
            return (unreachable(subject, f"nothing takes mail at {place}", remedy),)
        return (unreachable(subject, f"{place}: {error}", "Is it running? Check [relay] host, port and security."),)
    try:
        return tuple(await _examine_session(subject, place, client, relay))
    finally:
        client.close()


async def _examine_session(subject: str, place: str, client: aiosmtplib.SMTP, relay: RelaySettings) -> list[Diagnosis]:
    found = [good(subject, f"{place} answers" + ("" if relay.security == "plain" else ", certificate is good"))]
    if relay.username:
        try:
            await client.login(relay.username, relay.password)
        except (aiosmtplib.SMTPException, OSError) as error:
            found.append(bad(f"{subject} login", str(error), "Check [relay] username and NEWSLETTER_RELAY_PASSWORD."))
        else:
            found.append(good(f"{subject} login", relay.username))
    if relay.host not in LOOPBACK and not client.supports_extension("pipelining"):  # here no reply is waited for long
        found.append(
            warning(f"{subject} speed", "no PIPELINING (RFC 2920)", "It works, but slower; ask the relay's operator.")
        )
    return found
