"""Rules about the message: what receivers and the law ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesHeaderParser

from newsletter.check.links import LOCAL
from newsletter.check.mail import Mail
from newsletter.check.rule import Problem, rule
from newsletter.content.tree import text_of
from newsletter.finding import Severity

HEADERS = (
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe",
)  # fmt: skip
"""RFC 5322 §3.6, RFC 2919, RFC 2369; large providers ask for the last ones."""
LINE = 998
HEAVY = 10_000_000
COMPLETE = b"".join(f"{name}: x\r\n".encode() for name in (*HEADERS, "List-Unsubscribe-Post")) + b"\r\nbody\r\n"
UNSUBSCRIBE = re.compile(r"/u/|unsubscribe|abmelden|désabonner|darse de baja|desinscrever", re.IGNORECASE)


@rule(
    "unsubscribe-missing",
    Severity.ERROR,
    why="The law of most countries and every large provider ask for a visible way out; who can't find it presses “spam”.",
    remedy="Keep {{ unsubscribe_url }} in the legal footer of the template.",
    bad='<p>Hello</p><a href="https://site.example/">Home</a>',
    good='<p>Hello</p><a href="https://mail.site.example/u/abc">Unsubscribe</a>',
)
def unsubscribe_missing(mail: Mail) -> Iterator[Problem]:
    """HTML and text both have a link to unsubscribe."""
    ways = (f"{link.get('href') or ''} {text_of(link)}" for link in mail.links)
    if mail.traced and not any(UNSUBSCRIBE.search(way) for way in ways):
        yield Problem("The HTML has no link to unsubscribe.")
    if mail.text and not UNSUBSCRIBE.search(mail.text):
        yield Problem("The plain text has no way to unsubscribe.")


@rule(
    "postal-address-missing",
    Severity.WARNING,
    why="CAN-SPAM and the law of many other countries ask for a postal address in each mail.",
    remedy="Write it into newsletter.toml: [sender] postal_address.",
    bad={"postal_address": ""},
    good={"postal_address": "1 Example Street"},
)
def postal_address_missing(mail: Mail) -> Iterator[Problem]:
    """The sender gives a postal address."""
    if not mail.postal_address.strip():
        yield Problem("The mail gives no postal address.")


@rule(
    "sender-placeholder",
    Severity.WARNING,
    why="Nobody can answer an address that does not exist, and receivers refuse mail from it.",
    remedy="Write yours into newsletter.toml: [sender] address.",
    bad={"sender_address": "letters@newsletter.example"},
    good={"sender_address": "letters@union.org"},
)
def sender_placeholder(mail: Mail) -> Iterator[Problem]:
    """The sender's address is not in a domain reserved for examples (RFC 2606)."""
    domain = mail.sender_address.rpartition("@")[2].lower()
    if re.search(r"(?:^|\.)(?:example|invalid|test|localhost)$|(?:^|\.)example\.(?:com|net|org)$", domain):
        yield Problem(f"The sender {mail.sender_address} is in a domain reserved for examples.")


@rule(
    "web-url-local",
    Severity.WARNING,
    why="The links to unsubscribe and to read in the browser would lead to the reader's own machine.",
    remedy="Write the public https address of `newsletter serve` into newsletter.toml: [web] url.",
    bad={"web_url": "http://127.0.0.1:8025"},
    good={"web_url": "https://mail.union.org"},
)
def web_url_local(mail: Mail) -> Iterator[Problem]:
    """The public pages have a public address."""
    host = re.sub(r"^https?://|[:/].*$", "", mail.web_url)
    if LOCAL.fullmatch(host) or not mail.web_url.startswith("https://"):
        yield Problem(f"Links to unsubscribe would start with {mail.web_url}.")


@rule(
    "headers-missing",
    Severity.ERROR,
    why="Receivers refuse or junk mail without them; Gmail and Yahoo ask bulk senders for one-click unsubscribing.",
    remedy="Set [web] url to an https address; if another field is missing, report this.",
    bad={"data": b"From: a@b.example\r\n\r\nbody\r\n"},
    good={"data": COMPLETE},
)
def headers_missing(mail: Mail) -> Iterator[Problem]:
    """The message has every field that receivers ask for."""
    if not mail.data:
        return
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(mail.data.partition(b"\r\n\r\n")[0])
    wanted = [*HEADERS, *(["List-Unsubscribe-Post"] if mail.web_url.startswith("https://") else [])]
    missing = [name for name in wanted if name not in headers]
    if missing:
        yield Problem(f"The message has no {', '.join(missing)}.")


@rule(
    "line-length",
    Severity.ERROR,
    why="Servers may cut or refuse a line of more than 998 octets (RFC 5322 §2.1.1).",
    remedy="Report this: the message is encoded so that it can't happen.",
    bad={"data": COMPLETE + b"x" * 1200 + b"\r\n"},
    good={"data": COMPLETE},
)
def line_length(mail: Mail) -> Iterator[Problem]:
    """No line of the message has more than 998 octets."""
    longest = max(map(len, mail.data.split(b"\r\n")))
    if longest > LINE:
        yield Problem(f"A line of the message has {longest} octets.")


@rule(
    "message-heavy",
    Severity.WARNING,
    why="Many servers refuse messages of more than 10 MB, and every reader pays for each of them.",
    remedy="Set [pictures] delivery to link, or scale the pictures down.",
    bad={"data": COMPLETE + b"x\r\n" * 4_000_000},
    good={"data": COMPLETE},
)
def message_heavy(mail: Mail) -> Iterator[Problem]:
    """The whole message stays below 10 MB."""
    if len(mail.data) > HEAVY:
        yield Problem(f"The message has {len(mail.data) / 1_000_000:.0f} MB.")


@rule(
    "dkim-missing",
    Severity.INFO,
    why="Gmail and Yahoo ask bulk senders for a DKIM signature of their own domain.",
    remedy="Make a key and name it in newsletter.toml under [dkim]; some relays sign for you.",
    bad={"signed": False},
    good={"signed": True},
)
def dkim_missing(mail: Mail) -> Iterator[Problem]:
    """A DKIM key is set up."""
    if not mail.signed:
        yield Problem("No DKIM key is set up, so the mail is signed by the relay or not at all.")
