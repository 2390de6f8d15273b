"""What one message costs: merge, MIME, headers, tokens, signature.

    python benchmarks/message.py [--rounds 25] [--batch 250]

A page of 30 KB of HTML is built for different subscribers, on one core, unsigned and signed. Beside it, as the anchor,
the same mail by the standard library (Jinja2 and EmailMessage) and dkimpy. Rounds of all candidates are interleaved,
since the speed of a machine wanders; the least and the median time of a round are shown, in microseconds of CPU per
message. The raw signature is timed as well, to show how much of a figure is arithmetic that nobody can avoid.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.compose.email import Email
from newsletter.compose.merge_language import href, url_part
from newsletter.message.builder import Identity, MessageBuilder
from newsletter.message.dkim import Signer
from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import Links, Purpose, Target
from newsletter.message.values import merge_values
from newsletter.subscriber import Subscriber

GOALS = {"unsigned": 15, "ed25519": 50, "rsa-2048": 290}
"""Microseconds per message, on the machine that reached 10, 46 and 279 with a prototype of bare pieces."""

PARAGRAPH = (
    '<p style="margin:0;padding:10px 25px;font-family:Georgia,serif;font-size:17px;line-height:1.6">'
    "A day in the life of an organizer begins early — with coffee, the night shift’s questions and a list.</p>\n"
)
HTML = (
    '<!DOCTYPE html>\n<html lang="en"><body>\n<p>Dear {{ first_name | default("friend") }},</p>\n'
    + PARAGRAPH * 150
    + "<p>How do you do this at {{ company | default('work') }}?</p>\n"
    '<p><a href="{{ web_url | href }}">read on the web</a> · '
    '<a href="{{ preferences_url | href }}">change</a> · <a href="{{ unsubscribe_url | href }}">unsubscribe</a></p>\n'
    "</body></html>\n"
)
TEXT = (
    'Dear {{ first_name | default("friend") }},\n\n'
    + "A day in the life of an organizer begins early, with coffee and a list.\n" * 20
    + "\nRead on the web: {{ web_url }}\nChange: {{ preferences_url }}\nUnsubscribe: {{ unsubscribe_url }}\n"
)
PAGE = Email("unions", "p-1", "day-in-the-life", "{{ first_name }}, a day in the life", "", HTML, TEXT, "en", "ltr")
IDENTITY = Identity(
    *("Work Dojos", "letters@news.example.org", "", "bounce.example.org", "news.example.org"),
    *("unions", "A course on unions", "Work Dojos", "1 Mill Lane"),
)
LINKS = Links(KeyRing((Key(1, b"k" * 32),)), "https://letters.example.org")
NOW = datetime(2026, 3, 29, 7, tzinfo=UTC)
NAMES = ("Ada Lovelace", "Zoë Müller", "Grace Hopper", "Иван Петров", "Mary O'Neill")
SUBSCRIBERS = [
    Subscriber(f"reader{number}@example.com", NAMES[number % 5], "", "en", {"company": f"Mill & Sons {number}"}, number)
    for number in range(1, 501)
]


def anchor(signed_with: tuple[bytes, bytes] | None) -> Callable[[Subscriber, Target], bytes]:
    """The same mail by Jinja2, EmailMessage and dkimpy."""
    environments = [ImmutableSandboxedEnvironment(autoescape=flag) for flag in (False, True)]
    for environment in environments:
        environment.filters |= {"href": href, "url": url_part}
    subject, text = (environments[0].from_string(source) for source in (PAGE.subject, PAGE.text))
    html = environments[1].from_string(PAGE.html)

    def build(subscriber: Subscriber, target: Target) -> bytes:
        links = {
            "unsubscribe_url": LINKS.url(Purpose.UNSUBSCRIBE, target),
            "preferences_url": LINKS.url(Purpose.PREFERENCES, target),
            "web_url": LINKS.url(Purpose.VIEW, target),
        }
        values = merge_values(subscriber, links)
        message = EmailMessage(SMTP)
        message["From"] = f"{IDENTITY.sender_name} <{IDENTITY.sender_address}>"
        message["To"] = f'"{subscriber.name}" <{subscriber.address}>'
        message["Subject"] = subject.render(values)
        message["Date"] = format_datetime(NOW)
        message["Message-ID"] = f"<{target.delivery_id}@news.example.org>"
        message["List-Id"] = "<unions.news.example.org>"
        message["List-Unsubscribe"] = f"<{links['unsubscribe_url']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text.render(values), cte="quoted-printable")
        message.add_alternative(html.render(values), subtype="html", cte="quoted-printable")
        data = message.as_bytes()
        if signed_with is None:
            return data
        pem, algorithm = signed_with
        return bytes(
            dkim.sign(
                data,
                b"s",
                b"news.example.org",
                pem,
                signature_algorithm=algorithm,
                canonicalize=(b"relaxed", b"relaxed"),
            )
            + data
        )

    return build


def candidates() -> dict[str, Callable[[Subscriber, Target], object]]:
    """Everything that is timed, by name."""
    rsa, ed25519 = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    pem = rsa.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    signers = {
        "unsigned": [],
        "ed25519": [Signer(ed25519, domain="news.example.org", selector="e")],
        "rsa-2048": [Signer(rsa, domain="news.example.org", selector="r")],
    }
    signers["both"] = signers["ed25519"] + signers["rsa-2048"]

    def ours(name: str) -> Callable[[Subscriber, Target], object]:
        builder = MessageBuilder(PAGE, IDENTITY, LINKS, signers[name])
        return lambda subscriber, target: builder.build(subscriber, target, now=NOW)

    return {
        **{name: ours(name) for name in signers},
        "raw ed25519 signature": lambda subscriber, target: ed25519.sign(b"x" * 32),
        "raw rsa-2048 signature": lambda subscriber, target: rsa.sign(b"x" * 500, PKCS1v15(), SHA256()),
        "EmailMessage, unsigned": anchor(None),
        "EmailMessage, dkimpy rsa-2048": anchor((pem, b"rsa-sha256")),
    }


def main() -> None:
    """Run all rounds and print the table and the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--batch", type=int, default=250, help="messages per round, as the engine claims them")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    timed = candidates()
    times: dict[str, list[float]] = {name: [] for name in timed}
    for round_number in range(options.rounds):
        for name, build in timed.items():
            batch = max(1, options.batch // 50) if name.startswith("EmailMessage") else options.batch
            started = time.process_time()
            for index in range(batch):
                subscriber = SUBSCRIBERS[(round_number * batch + index) % len(SUBSCRIBERS)]
                build(subscriber, Target(subscriber.id, 3, 100_000 + index))
            times[name].append((time.process_time() - started) / batch * 1e6)
    wire = len(MessageBuilder(PAGE, IDENTITY, LINKS, []).build(SUBSCRIBERS[0], Target(1, 3, 1), now=NOW).data)
    print(f"HTML {len(HTML):,} characters, {wire:,} octets on the wire; µs of CPU per message, one core\n")
    print(f"{'':32}{'least':>10}{'median':>10}{'goal':>8}")
    for name, measured in times.items():
        goal = str(GOALS.get(name, ""))
        print(f"{name:32}{min(measured):>10.1f}{statistics.median(measured):>10.1f}{goal:>8}")
    figures = {
        name: {"least": round(min(measured), 1), "median": round(statistics.median(measured), 1)}
        for name, measured in times.items()
    }
    print(json.dumps({"benchmark": "message", "html": len(HTML), "wire": wire, "goals": GOALS, "us": figures}))


if __name__ == "__main__":
    main()
