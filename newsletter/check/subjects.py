"""Rules about subject and preheader: what is seen in the inbox."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.check.mail import Mail
from newsletter.check.rule import Problem, rule, shown
from newsletter.finding import Severity

SUBJECT_SEEN = 70
"""Characters of a subject that Gmail shows on a wide screen; a phone shows about 40."""
PREHEADER_SEEN = 140


def _title(mail: Mail) -> int | None:
    return mail.keys.get("title")


@rule(
    "subject-empty",
    Severity.ERROR,
    why="A mail without subject looks like an accident, and filters treat it as one.",
    remedy="Write `title: …` in the front matter.",
    bad={"subject": "  "},
    good={"subject": "A day in the life"},
)
def subject_empty(mail: Mail) -> Iterator[Problem]:
    """There is a subject."""
    if not mail.subject.strip():
        yield Problem("The mail has no subject.", _title(mail))


@rule(
    "subject-long",
    Severity.WARNING,
    why="Inboxes cut a subject: Gmail after about 70 characters, a phone after about 40.",
    remedy="Put what matters first, and shorten the title.",
    bad={"subject": "A long and winding title that goes on and on until nobody in the world can remember its start"},
    good={"subject": "A day in the life of an organizer"},
)
def subject_long(mail: Mail) -> Iterator[Problem]:
    """A subject has 70 characters at most."""
    if len(mail.subject) > SUBJECT_SEEN:
        cut = mail.subject[:SUBJECT_SEEN].rstrip()
        yield Problem(f"The subject has {len(mail.subject)} characters; most inboxes end it at “{cut}…”.", _title(mail))


@rule(
    "subject-shouting",
    Severity.WARNING,
    why="Capitals and exclamation marks are what spam looks like, to filters and to people.",
    remedy="Write the title as a plain sentence.",
    bad={"subject": "LAST CHANCE TO JOIN!!!"},
    good={"subject": "Join us on Thursday!"},
)
def subject_shouting(mail: Mail) -> Iterator[Problem]:
    """No subject is all capitals or ends in a row of marks."""
    letters = [letter for letter in mail.subject if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    cased = any(letter.lower() != letter.upper() for letter in letters)
    if (cased and len(letters) > 9 and capitals > 0.7 * len(letters)) or re.search(r"[!?]{2,}|\${2,}", mail.subject):
        yield Problem(f"The subject {shown(mail.subject)} shouts.", _title(mail))


@rule(
    "subject-repeated",
    Severity.WARNING,
    why="Clients join mails with the same subject into one conversation, so the second hides behind the first.",
    remedy="Give each page of a series its own title.",
    bad={"subject": "News", "other_subjects": {"news": "boats/a.md"}},
    good={"subject": "News from the harbor", "other_subjects": {"news": "boats/a.md"}},
)
def subject_repeated(mail: Mail) -> Iterator[Problem]:
    """Two pages of a series have different subjects."""
    other = mail.other_subjects.get(" ".join(mail.subject.lower().split()))
    if other:
        yield Problem(f"{other} has the same subject.", _title(mail))


@rule(
    "preheader-empty",
    Severity.WARNING,
    why="Without a preheader an inbox shows whatever text comes first, or nothing.",
    remedy="Write `description: …` in the front matter, in 40 to 130 characters.",
    bad={"preheader": ""},
    good={"preheader": "From the parking lot at half past six to the last chair in the library."},
)
def preheader_empty(mail: Mail) -> Iterator[Problem]:
    """There is a preheader."""
    if not mail.preheader.strip():
        yield Problem("The mail has no preheader.", _title(mail))


@rule(
    "preheader-repeats",
    Severity.WARNING,
    why="An inbox shows the preheader right behind the subject; saying the same twice wastes it.",
    remedy="Let `description` say what the title does not.",
    bad={"subject": "A day in the life", "preheader": "A day in the life"},
    good={"subject": "A day in the life", "preheader": "From half past six to the last chair."},
)
def preheader_repeats(mail: Mail) -> Iterator[Problem]:
    """The preheader is not the subject."""
    subject, preheader = (re.sub(r"\W+", " ", text).strip().lower() for text in (mail.subject, mail.preheader))
    if subject and subject == preheader:
        yield Problem("The preheader repeats the subject.", mail.keys.get("description", _title(mail)))


@rule(
    "preheader-long",
    Severity.INFO,
    why="Inboxes show at most about 140 characters of a preheader.",
    remedy="Shorten `description`, or put what matters first.",
    bad={"preheader": "word " * 40, "keys": {"description": 3}},
    good={"preheader": "word " * 20, "keys": {"description": 3}},
)
def preheader_long(mail: Mail) -> Iterator[Problem]:
    """A preheader that was written as one has 140 characters at most."""
    if "description" in mail.keys and len(mail.preheader.strip()) > PREHEADER_SEEN:
        yield Problem(f"The preheader has {len(mail.preheader.strip())} characters.", mail.keys["description"])
