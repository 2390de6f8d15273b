"""One mail from the bounce mailbox → what it is, about whom, and what follows. Pure.

The order (RFC 3834 and the habits of mail servers force it): complaint, machine-readable report, auto-reply,
report written for people, anything else. Postfix marks its bounces as auto-replies, so reports come before those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from newsletter.bounces.arf import NOT_COMPLAINTS, read_feedback
from newsletter.bounces.autoreply import has_autoreply_subject, is_autoreply, speaks_of_absence
from newsletter.bounces.dsn import Outcome, read_dsn
from newsletter.bounces.parsing import Mail, parse_mail
from newsletter.bounces.plain import Paragraph, original_recipient, read_plain
from newsletter.bounces.reasons import classify_reply, find_status
from newsletter.bounces.report import Report, cut_report
from newsletter.bounces.signs import (
    comes_from_a_mail_system,
    has_bounce_subject,
    has_null_sender,
    is_reply_subject,
    speaks_like_a_system,
    speaks_of_delay,
    speaks_of_failure,
    speaks_of_success,
)
from newsletter.bounces.verdict import Kind, Reason, Severity, Verdict

MAX_FALLBACK = 2500
"""Characters of a report that are read where no line names the recipient: further down our own mail may be quoted,
and a newsletter about unknown users is no reason to suppress one."""


@dataclass(frozen=True)
class Failure:
    """One recipient and the verdict on the refusal."""

    address: str
    verdict: Verdict


@dataclass(frozen=True)
class Classification:
    """What a mail is. `failures` has one entry per recipient that is named; `verdict` is that of the whole."""

    kind: Kind
    verdict: Verdict = Verdict(Severity.NONE, Reason.NONE)
    failures: tuple[Failure, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses the mail is about."""
        return tuple(failure.address for failure in self.failures)

    @property
    def hard(self) -> bool:
        """Whether every recipient in it must be suppressed: never on a mixed report."""
        return self.kind is Kind.BOUNCE and self.verdict.hard


def classify_mail(data: bytes) -> Classification:
    """Tell what a mail is. Never raises: what can't be understood is NONE, and kept for a person."""
    mail = parse_mail(data)
    feedback = read_feedback(mail)
    if feedback is not None:
        if feedback.type in NOT_COMPLAINTS:
            return Classification(Kind.NONE)
        reason = Reason.OPT_OUT if feedback.type.startswith("opt-out") else Reason.COMPLAINT
        verdict = Verdict(Severity.NONE, reason)
        return Classification(Kind.COMPLAINT, verdict, tuple(Failure(a, verdict) for a in feedback.recipients))
    disposition = mail.part("message/disposition-notification")
    if disposition is not None or mail.report_type == "disposition-notification":
        return _of_disposition(mail, disposition or "")
    if mail.enclosed and not mail.part("message/delivery-status") and comes_from_a_mail_system(mail):
        mail = mail.enclosed
    outcomes = _outcomes(mail)
    return _of_outcomes(mail, outcomes) if outcomes else _of_plain(mail)


def _of_disposition(mail: Mail, fields: str) -> Classification:
    """A receipt (RFC 8098), unless it says that the mail was refused: Dovecot's Sieve rejects that way."""
    rejected = "reject" in mail.first("auto-submitted").lower() or "reject" in mail.first("subject").lower()
    outcomes = read_dsn(fields)
    if rejected and outcomes:
        return _of_outcomes(mail, tuple(replace(outcome, action="failed") for outcome in outcomes))
    return Classification(Kind.DELIVERED)


def _outcomes(mail: Mail) -> tuple[Outcome, ...]:
    status_part = mail.part("message/delivery-status")
    if status_part is not None:
        outcomes = read_dsn(status_part)
        if outcomes:
            return outcomes
    if is_reply_subject(mail) or not (mail.kind == "multipart/report" or comes_from_a_mail_system(mail)):
        return ()
    text = cut_report(mail).text  # reports whose MIME was lost on the way keep their fields in the text
    at = text.lower().find("final-recipient:")
    return read_dsn(text[max(0, text.rfind("\n\n", 0, at)) :]) if at >= 0 else ()


def _of_outcomes(mail: Mail, outcomes: tuple[Outcome, ...]) -> Classification:
    failed = [outcome for outcome in outcomes if outcome.action == "failed"]
    if not failed:
        if any(outcome.action == "delayed" for outcome in outcomes):
            return _without_fault(Kind.NONE, outcomes, Verdict(Severity.NONE, Reason.EXPIRED, outcomes[0].status))
        if any(outcome.action for outcome in outcomes):
            return _without_fault(Kind.DELIVERED, outcomes, Verdict(Severity.NONE, Reason.NONE, outcomes[0].status))
        failed = list(outcomes)
    report = cut_report(mail)
    paragraphs: tuple[Paragraph, ...] | None = None
    failures: list[Failure] = []
    for outcome in failed:
        verdict = classify_reply(0, outcome.status, outcome.diagnostic)
        if verdict.reason in (Reason.UNCLEAR, Reason.TEMPORARY, Reason.POLICY):
            paragraphs = read_plain(mail, report) if paragraphs is None else paragraphs
            verdict = _second_look(outcome, verdict, report, paragraphs)
        address = outcome.address or (original_recipient(report.original) if len(failed) == 1 else "")
        if not address:
            paragraphs = read_plain(mail, report) if paragraphs is None else paragraphs
            address = paragraphs[0].address if len(paragraphs) == 1 else ""
        failures.append(Failure(address, verdict))
    return _bounce(failures)


def _second_look(outcome: Outcome, verdict: Verdict, report: Report, paragraphs: tuple[Paragraph, ...]) -> Verdict:
    """What the report says to people, where its fields say too little."""
    said = next((p.text for p in paragraphs if p.address.lower() == outcome.address.lower()), "")
    said = said or (report.text[:MAX_FALLBACK] if len(paragraphs) <= 1 else "")
    if not said.strip():
        return verdict
    second = classify_reply(0, outcome.status or find_status(said), said)
    unclear = second.reason in (Reason.UNCLEAR, Reason.TEMPORARY)
    return verdict if unclear else second


def _of_plain(mail: Mail) -> Classification:
    report = cut_report(mail)
    if not _is_bounce(mail, report):
        return Classification(Kind.AUTOREPLY if is_autoreply(mail) else Kind.NONE)
    paragraphs = read_plain(mail, report)
    if not paragraphs and not comes_from_a_mail_system(mail):
        return Classification(Kind.AUTOREPLY if is_autoreply(mail) else Kind.NONE)
    failures = [Failure(p.address, _verdict_of(p, report, len(paragraphs))) for p in paragraphs]
    if speaks_of_delay(mail, report.text):
        waiting = Verdict(Severity.NONE, Reason.EXPIRED, failures[0].verdict.status if failures else "")
        return Classification(Kind.NONE, waiting, tuple(Failure(f.address, waiting) for f in failures))
    if speaks_of_success(mail, report.text):
        return Classification(Kind.DELIVERED)
    if not failures:
        text = f"{mail.first('subject')}\n{report.text[:MAX_FALLBACK]}"
        verdict = classify_reply(0, find_status(text), text)
        return Classification(Kind.BOUNCE, verdict)
    return _bounce(failures)


def _is_bounce(mail: Mail, report: Report) -> bool:
    """Whether a mail system reports to a person that a mail was not delivered.

    People write about failed deliveries, too; unless a mail system is named as sender, the text must speak like one.
    """
    if mail.first("x-failed-recipients"):
        return True
    by_system, announced = comes_from_a_mail_system(mail), has_bounce_subject(mail)
    if is_reply_subject(mail) or (has_autoreply_subject(mail) and not (by_system and announced)):
        return False
    if not (by_system or announced or has_null_sender(mail) or mail.kind == "multipart/report"):
        return False
    if speaks_of_absence(mail) or not speaks_of_failure(f"{mail.first('subject')}\n{report.text}"):
        return False
    returns_our_mail = has_null_sender(mail) and mail.has_original
    return by_system or returns_our_mail or mail.kind == "multipart/report" or speaks_like_a_system(report.text)


def _verdict_of(paragraph: Paragraph, report: Report, count: int) -> Verdict:
    verdict = classify_reply(0, "", paragraph.text)
    if verdict.reason is Reason.UNCLEAR and count == 1:
        return classify_reply(0, "", report.text[:MAX_FALLBACK])
    return verdict


def _bounce(failures: list[Failure]) -> Classification:
    """The whole is as grave as its mildest part: a mixed report must not suppress everybody."""
    mildest = min(failures, key=lambda failure: _GRAVITY[failure.verdict.severity])
    named = tuple(dict.fromkeys(failure for failure in failures if failure.address))
    return Classification(Kind.BOUNCE, mildest.verdict, named)


_GRAVITY = {Severity.SENDER: 0, Severity.NONE: 1, Severity.SOFT: 2, Severity.HARD: 3}


def _without_fault(kind: Kind, outcomes: tuple[Outcome, ...], verdict: Verdict) -> Classification:
    return Classification(kind, verdict, tuple(Failure(o.address, verdict) for o in outcomes if o.address))
