"""Structured logs of the engine: one line per delivery, with ids, reply and timings; addresses shortened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from newsletter.audience.addresses import shorten
from newsletter.config import LogSettings
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.steady import steady
from newsletter.errors import StoreError
from newsletter.store.deliveries import Claim, Outcome

_ADDRESS = re.compile(r"""[^\s<>()"',;:]{1,64}@[^\s<>()"',;:]+""")

TELL_AGAIN = 60.0
"""Seconds after which the same trouble is told once more."""


class DeliveryLog:
    """Writes to `stream`, or nowhere if that is None. Lines are flushed by `flush`, trouble at once. What the stream does
    not take is lost, and sending goes on.

    `tell` gets what an operator must know, in words, for a terminal that shows counts instead of lines.
    """

    def __init__(self, settings: LogSettings, stream: TextIO | None, tell: Callable[[str], None] | None = None) -> None:
        self._stream = stream
        self._tell = tell
        self._told: dict[str, float] = {}
        self._full = settings.addresses == "full"
        self._rendered = json.JSONEncoder(ensure_ascii=False).encode if settings.format == "json" else _key_values

    def delivery(self, parcel: Parcel, relay: str, stage: Stage, reply: Reply, outcome: Outcome) -> None:
        """What became of one message; `ms` is from taking it to its reply."""
        if self._stream is None:
            return
        claim = parcel.claim
        self._write(
            "info" if outcome.state == "sent" else "warning",
            "deferred" if outcome.state == "due" else outcome.state,
            delivery=claim.id,
            campaign=claim.campaign_id,
            page=claim.page_id,
            subscriber=claim.subscriber_id,
            address=claim.address if self._full else shorten(claim.address),
            relay=relay,
            stage=stage.value,
            reply=self._shown(str(reply)),
            attempt=claim.attempts + 1,
            octets=parcel.octets,
            ms=round((steady() - parcel.started_at) * 1000, 1),
        )

    def uncertain(self, parcel: Parcel, relay: str, reason: str) -> None:
        """The relay may or may not have taken it."""
        self._write(
            "warning",
            "uncertain",
            delivery=parcel.claim.id,
            campaign=parcel.claim.campaign_id,
            relay=relay,
            reason=self._shown(reason),
        )

    def broken(self, claim: Claim, reason: str) -> None:
        """No message could be made."""
        self._write(
            "warning", "failed", delivery=claim.id, campaign=claim.campaign_id, page=claim.page_id, reason=reason
        )

    def refused(self, delivery_id: int, reason: str) -> None:
        """It may not be mailed any more."""
        self._write("info", "not sent", delivery=delivery_id, reason=reason)

    def recovered(self, worker: str, recorded: int, released: int, uncertain: int) -> None:
        """A process that died left something behind."""
        self._say("recovered", worker=worker, recorded=recorded, released=released, uncertain=uncertain)

    def relay_rests(self, relay: str, stage: Stage, reply: Reply, seconds: float) -> None:
        """Nothing goes to this relay for a while."""
        said = self._shown(str(reply))
        told = f"{relay} rests for {seconds:.0f} s: {stage.value}: {said}"
        self._say("relay rests", told, relay=relay, stage=stage.value, reply=said, seconds=round(seconds))

    def relay_works(self, relay: str) -> None:
        """It takes mail again."""
        self._say("relay works again", f"{relay} works again", relay=relay)

    def store_away(self, error: StoreError) -> None:
        """The database does not answer; nothing new is sent."""
        self._repeat("database does not answer", reason=error.message, remedy=error.remedy)

    def journal_away(self, reason: str) -> None:
        """The journal can't be written; nothing is sent."""
        self._say("journal can't be written, nothing is sent", reason=reason)

    def journal_back(self) -> None:
        """It can be written again."""
        self._say("journal can be written again")

    def settings_refused(self, message: str) -> None:
        """New settings can't be used; the old ones stay."""
        self._say("settings can't be used, the old ones stay", reason=message)

    def settings_read(self) -> None:
        """New settings are in force."""
        self._say("settings read again")

    def trouble(self, message: str) -> None:
        """Something of the surroundings failed, sending goes on."""
        self._repeat("trouble", reason=message)

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self._miss(error)

    def _shown(self, said: str) -> str:
        """What a relay said: most refusals name whom they refuse."""
        if self._full or "@" not in said:
            return said
        return _ADDRESS.sub(lambda found: shorten(found.group()), said)

    def _say(self, event: str, told: str = "", **values: Any) -> None:
        """Write a line, and tell `told`, else the event and its values."""
        self._write("warning", event, **values)
        self.flush()
        if self._tell is None:
            return
        details = [value if isinstance(value, str) else f"{key} {value}" for key, value in values.items()]
        told = told or ": ".join(filter(None, (event, ", ".join(filter(None, details)))))
        if self._is_news(told):
            self._tell(told)

    def _repeat(self, event: str, **values: Any) -> None:
        """Say what would be said every second while it lasts: a database that is away is asked twice a second, by the
        engine and by the planner."""
        if self._is_news(event + str(values)):
            self._say(event, **values)

    def _is_news(self, told: str) -> bool:
        now = steady()
        self._told = {text: at for text, at in self._told.items() if now - at < TELL_AGAIN}
        is_news = told not in self._told
        self._told.setdefault(told, now)
        return is_news

    def _write(self, level: str, event: str, **values: Any) -> None:
        if self._stream is not None:
            timestamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = self._rendered({"timestamp": timestamp, "level": level, "event": event, **values})
            try:
                self._stream.write(f"{line}\n")
            except OSError as error:
                self._miss(error)

    def _miss(self, error: OSError) -> None:
        """A full disk under the log or a pipe without a reader holds up no mail; the next line is tried again."""
        told = f"the log can't be written ({error.strerror}); sending goes on"
        if self._tell is not None and self._is_news(told):
            self._tell(told)


def _key_values(values: Mapping[str, Any]) -> str:
    """`key='value'` pairs; a value's representation holds no line break and nothing that steers a terminal."""
    return " ".join([f"{key}={value!r}" for key, value in values.items()])
