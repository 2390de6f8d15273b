"""What providers' webhooks say → reports about addresses. Pure; the signatures have been verified before.

Fields and values are those of the providers' reference pages: Amazon SES "notification contents", Postmark "Bounce
webhook", SendGrid "Event Webhook reference", Mailgun "Events". What is not a bounce, a complaint or an unsubscription
is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.bounces.reasons import classify_reply
from newsletter.bounces.verdict import Kind, Reason, Severity, Verdict
from newsletter.errors import DataError


@dataclass(frozen=True)
class Notice:
    """What a provider reports about one address. `envelope` is our own sender address, if it is named.

    `kind` NONE with `has_left` means that the person unsubscribed at the provider.
    """

    event_id: str
    kind: Kind
    address: str
    verdict: Verdict
    envelope: str = ""
    has_left: bool = False


COMPLAINT = Verdict(Severity.NONE, Reason.COMPLAINT)
LEFT = Verdict(Severity.NONE, Reason.OPT_OUT)

_POSTMARK_HARD = frozenset({"HardBounce", "BadEmailAddress"})
_POSTMARK_SOFT = frozenset({"Transient", "DnsError", "SoftBounce", "Undeliverable", "Unknown", "SMTPApiError", "InboundError"})  # fmt: skip
_POSTMARK_SENDER = frozenset({"Blocked", "SpamNotification", "DMARCPolicy", "VirusNotification", "TemplateRenderingFailed"})  # fmt: skip


def read_json(body: bytes) -> Any:
    """The JSON in `body`. Raises DataError when it is none, or nested beyond reason."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError("the body is not JSON") from error


def read_ses(message: Mapping[str, Any], message_id: str) -> Iterator[Notice]:
    """The notices in the `Message` of an SNS notification."""
    kind = str(message.get("notificationType") or message.get("eventType") or "")
    mail = _object(message.get("mail"))
    envelope = str(mail.get("source", ""))
    if kind == "Complaint":
        complaint = _object(message.get("complaint"))
        if str(complaint.get("complaintFeedbackType") or "") == "not-spam":
            return
        for number, person in enumerate(_objects(complaint.get("complainedRecipients"))):
            yield Notice(
                f"ses:{message_id}:{number}", Kind.COMPLAINT, _address(person, "emailAddress"), COMPLAINT, envelope
            )
    elif kind == "Bounce":
        bounce = _object(message.get("bounce"))
        is_permanent, subtype = bounce.get("bounceType") == "Permanent", str(bounce.get("bounceSubType", ""))
        for number, person in enumerate(_objects(bounce.get("bouncedRecipients"))):
            said = classify_reply(
                0, str(person.get("status") or ""), _diagnostic(str(person.get("diagnosticCode") or ""))
            )
            verdict = _settle(
                said,
                is_hard=is_permanent and subtype in ("General", "NoEmail", "Suppressed", "OnAccountSuppressionList"),
            )
            yield Notice(f"ses:{message_id}:{number}", Kind.BOUNCE, _address(person, "emailAddress"), verdict, envelope)


def read_postmark(event: Mapping[str, Any]) -> Iterator[Notice]:
    """The notice in a webhook of Postmark, if it is a bounce, a complaint or an unsubscription."""
    record, kind, address = event.get("RecordType"), str(event.get("Type", "")), _address(event, "Email")
    event_id = f"postmark:{event.get('ID') or event.get('MessageID')}:{kind or record}"
    if record == "SpamComplaint" or kind == "SpamComplaint":
        yield Notice(event_id, Kind.COMPLAINT, address, COMPLAINT)
    elif record == "Bounce":
        said = classify_reply(0, "", f"{event.get('Details') or ''} {event.get('Description') or ''}")
        if kind in _POSTMARK_HARD:
            yield Notice(
                event_id,
                Kind.BOUNCE,
                address,
                _settle(classify_reply(0, "", str(event.get("Details") or "")), is_hard=True),
            )
        elif kind in _POSTMARK_SENDER:
            reason = said.reason if said.severity is Severity.SENDER else Reason.POLICY
            yield Notice(event_id, Kind.BOUNCE, address, Verdict(Severity.SENDER, reason, said.status))
        elif kind in _POSTMARK_SOFT:
            yield Notice(event_id, Kind.BOUNCE, address, _settle(said, is_hard=False))
        elif kind == "Unsubscribe":
            yield Notice(event_id, Kind.NONE, address, LEFT, has_left=True)


def read_sendgrid(events: object) -> Iterator[Notice]:
    """The notices in SendGrid's array of events."""
    for event in _objects(events):
        name, address, event_id = event.get("event"), _address(event, "email"), f"sendgrid:{event.get('sg_event_id')}"
        if name == "spamreport":
            yield Notice(event_id, Kind.COMPLAINT, address, COMPLAINT)
        elif name in ("unsubscribe", "group_unsubscribe"):
            yield Notice(event_id, Kind.NONE, address, LEFT, has_left=True)
        elif name == "bounce":
            said = classify_reply(0, str(event.get("status") or ""), str(event.get("reason") or ""))
            yield Notice(event_id, Kind.BOUNCE, address, _settle(said, is_hard=event.get("type") == "bounce"))
        elif name == "dropped" and "bounced" in str(event.get("reason", "")).lower():
            yield Notice(event_id, Kind.BOUNCE, address, Verdict(Severity.HARD, Reason.UNKNOWN_USER))


def read_mailgun(payload: Mapping[str, Any]) -> Iterator[Notice]:
    """The notice in a webhook of Mailgun; the token of its signature is the event, since it must be used once."""
    event = _object(payload.get("event-data"))
    event_id = f"mailgun:{_object(payload.get('signature')).get('token')}"
    name, address = event.get("event"), _address(event, "recipient")
    envelope = str(_object(event.get("envelope")).get("sender", ""))
    if name == "complained":
        yield Notice(event_id, Kind.COMPLAINT, address, COMPLAINT, envelope)
    elif name == "unsubscribed":
        yield Notice(event_id, Kind.NONE, address, LEFT, envelope, has_left=True)
    elif name == "failed" and event.get("severity") == "permanent":  # temporary: Mailgun goes on trying
        status = _object(event.get("delivery-status"))
        code = status.get("code")
        text = f"{status.get('message') or ''} {status.get('description') or ''}"
        said = classify_reply(
            code if isinstance(code, int) and 400 <= code < 600 else 0, str(status.get("enhanced-code") or ""), text
        )
        is_hard = event.get("reason") == "suppress-bounce"
        yield Notice(event_id, Kind.BOUNCE, address, _settle(said, is_hard=is_hard), envelope)


def _settle(said: Verdict, *, is_hard: bool) -> Verdict:
    """The provider's word decides where the server's own is unclear; a clear one overrules it, either way."""
    if said.reason not in (Reason.UNCLEAR, Reason.OPT_OUT, Reason.TEMPORARY):
        return said
    return Verdict(Severity.HARD, Reason.UNKNOWN_USER, said.status) if is_hard else said


def _diagnostic(text: str) -> str:
    return text.partition(";")[2].strip() if text.lower().startswith("smtp;") else text


def _address(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return value.strip()[:254] if isinstance(value, str) else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
