"""What is said before the first message: greeting, EHLO, STARTTLS, AUTH (RFC 5321 §3.2, RFC 3207, RFC 4954)."""

from __future__ import annotations

import ssl
from typing import Protocol

from newsletter.config import RelaySettings
from newsletter.delivery.smtp.authentication import choose_mechanism, first_response, next_response
from newsletter.delivery.smtp.dialogue import Features
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.reply_reader import ProtocolError
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.errors import RelayError


class HandshakeError(Exception):
    """The relay could not be reached, or refused us before the first message."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(f"{stage.value}: {reply}")
        self.stage = stage
        self.reply = reply


class Line(Protocol):
    """What a handshake needs of its connection."""

    @property
    def reason(self) -> str:
        """Why the connection ended, as far as is known."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether bytes were received beyond the last reply asked for."""
        ...

    def own_name(self) -> str:
        """What EHLO says."""
        ...

    async def ask(self, line: str, seconds: float) -> Reply:
        """Say `line`, wait for its reply. Raises TimeoutError, ConnectionError, ProtocolError."""
        ...

    async def next_reply(self, seconds: float) -> Reply:
        """Wait for a reply. Raises TimeoutError, ConnectionError, ProtocolError."""
        ...

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go on in TLS. Raises TimeoutError, ConnectionError, SSLError."""
        ...


async def shake_hands(line: Line, relay: RelaySettings, timeouts: Timeouts) -> Features:
    """Greeting, EHLO, STARTTLS and AUTH as `relay` asks for. Raises HandshakeError."""
    stage = Stage.GREETING
    try:
        greeting = await line.next_reply(timeouts.greeting)
        _require(stage, greeting, 220)
        stage = Stage.EHLO
        features = await _hello(line, timeouts.command)
        if relay.security == "starttls":
            stage = Stage.TLS
            await _start_tls(line, relay, features, timeouts.command)
            stage = Stage.EHLO
            features = await _hello(line, timeouts.command)
        if relay.username:
            stage = Stage.AUTH
            await _authenticate(line, relay, features, timeouts.command)
    except ssl.SSLError as error:
        raise HandshakeError(Stage.TLS, tls_failure(error)) from error
    except TimeoutError as error:
        raise HandshakeError(stage, Reply(0, _silence(stage, relay))) from error
    except OSError as error:
        raise HandshakeError(stage, Reply(0, line.reason or str(error) or "the connection was lost")) from error
    except ProtocolError as fault:
        raise HandshakeError(stage, Reply(0, str(fault))) from fault
    return features


async def _hello(line: Line, seconds: float) -> Features:
    name = line.own_name()
    reply = await line.ask(f"EHLO {name}", seconds)
    if reply.code in (500, 502):  # a server of before 1995
        _require(Stage.EHLO, await line.ask(f"HELO {name}", seconds), 250)
        return Features()
    _require(Stage.EHLO, reply, 250)
    return read_features(reply)


async def _start_tls(line: Line, relay: RelaySettings, features: Features, seconds: float) -> None:
    if not features.starttls:
        raise HandshakeError(Stage.TLS, Reply(554, "the relay does not offer STARTTLS; mail is never sent without"))
    _require(Stage.TLS, await line.ask("STARTTLS", seconds), 220)
    if line.has_more:
        # Plain text slipped in behind the 220 would be taken for what the encrypted server says (CVE-2011-0411).
        raise HandshakeError(Stage.TLS, Reply(554, "bytes in plain text follow the reply to STARTTLS"))
    await line.encrypt(tls_context(relay), relay.host, seconds)


async def _authenticate(line: Line, relay: RelaySettings, features: Features, seconds: float) -> None:
    mechanism = choose_mechanism(relay, features.auth)
    reply = await line.ask(first_response(mechanism, relay), seconds)
    for step in range(2):
        if reply.code != 334:
            break
        answer = next_response(mechanism, relay, reply.text, step)
        reply = await line.ask(answer, seconds)
    _require(Stage.AUTH, reply, 235)


def tls_context(relay: RelaySettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name verified against the system's roots or `ca_file`. Raises RelayError."""
    try:
        context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise RelayError(
            f"the certificates can't be read: {error}", where=relay.ca_file, remedy="Check [relay] ca_file."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_features(reply: Reply) -> Features:
    """The keywords of an EHLO reply (RFC 5321 §4.1.1.1)."""
    lines = [line.split() for line in reply.text.split("\n")[1:]]
    keywords = {words[0].upper(): [word.upper() for word in words[1:]] for words in lines if words}
    auth = keywords.get("AUTH", [])
    for keyword in keywords:
        if keyword.startswith("AUTH="):  # servers of before RFC 2554
            auth = [*auth, keyword[5:], *keywords[keyword]]
    size = keywords.get("SIZE", [])
    return Features(
        pipelining="PIPELINING" in keywords,
        eight_bit="8BITMIME" in keywords,
        utf8="SMTPUTF8" in keywords,
        sizes="SIZE" in keywords,
        size=int(size[0]) if size and size[0].isdigit() and len(size[0]) <= 20 else 0,
        starttls="STARTTLS" in keywords,
        auth=frozenset(auth),
    )


def _require(stage: Stage, reply: Reply, code: int) -> None:
    if reply.code != code:
        raise HandshakeError(stage, reply)


def _silence(stage: Stage, relay: RelaySettings) -> str:
    if stage is Stage.GREETING and relay.security != "tls":
        return 'no greeting in time; a server that wants TLS from the start waits too: security = "tls", port 465'
    return "no answer in time"


def tls_failure(error: ssl.SSLError) -> Reply:
    """What failed, as a permanent reply, for the operator must mend it; as a lost connection, if it only broke off."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reply(554, f"the certificate is not good: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Reply(0, "the connection was lost")
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return Reply(554, 'the server does not speak TLS there: security = "starttls" on port 587, or another port')
    return Reply(554, f"TLS failed: {error.reason or error}")
