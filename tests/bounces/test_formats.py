"""Bounces written for people, in the words of many programs and languages, and mail that only looks like one."""

import pytest

from newsletter.bounces.classify import classify_mail
from tests.bounces.formats import FORMATS, OTHER_MAIL, Case


@pytest.mark.parametrize("case", FORMATS + OTHER_MAIL, ids=lambda case: case[0])
def test_a_mail_is_told_apart(case: Case) -> None:
    _, headers, body, kind, is_hard, recipients = case
    found = classify_mail(f"{headers}\n\n{body}".encode())
    assert (found.kind.value, found.hard, list(found.recipients)) == (kind, is_hard, recipients)
