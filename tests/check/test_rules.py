"""Each rule finds its bad example and is silent on its good one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import newsletter.check.checker  # noqa: F401 (registers the rules)
from newsletter.check.clients import ClientRules
from newsletter.check.documentation import checks_reference
from newsletter.check.mail import Mail
from newsletter.check.rule import RULES, Example
from newsletter.finding import Severity

DOCS = Path(__file__).parent.parent.parent / "docs"


def mail(example: Example) -> Mail:
    fields: dict[str, Any] = {"traced": example} if isinstance(example, str) else dict(example)
    return Mail(**fields)


@pytest.mark.parametrize("code", RULES)
def test_the_bad_example_is_caught(code: str) -> None:
    found = list(RULES[code].judge(mail(RULES[code].bad)))
    assert found
    assert all(problem.message.strip().endswith(".") for problem in found)


@pytest.mark.parametrize("code", RULES)
def test_the_good_example_is_not(code: str) -> None:
    assert not list(RULES[code].judge(mail(RULES[code].good)))


@pytest.mark.parametrize("code", RULES)
def test_a_rule_says_why_and_what_to_do(code: str) -> None:
    rule = RULES[code]
    assert rule.why.endswith(".")
    assert rule.remedy.endswith((".", "below ##."))
    assert rule.judge.__doc__


def test_every_rule_is_documented_as_it_is() -> None:
    assert (DOCS / "checks.md").read_text(encoding="utf-8") == checks_reference(), (
        "run: python -m newsletter.check.documentation"
    )


@pytest.mark.parametrize(
    ("code", "traced"),
    [
        ("link-relative", '<a href="mailto:a@b.example">mail</a><a href="tel:123">call</a>'),
        ("link-disguised", '<a href="https://www.union.org/x">union.org/join</a><a href="https://a.example">Version 2.0</a>'),
        ("link-vague", '<a data-line="3" href="https://a.example">Here is why</a>'),
        ("alt-missing", '<a href="https://a.example"><img src="https://a.example/x.png" alt="">Words</a>'),
        ("contrast", '<p style="color:#23478f">A</p><p style="color:#fff;background:#23478f">B</p>'),
        ("heading-order", '<h1>A</h1><h2 data-line="3">B</h2><h3 data-line="4">C</h3><h2 data-line="5">D</h2>'),
        ("template-left-over", '<p data-line="3">In CSS one writes a { color: red }</p><pre>{{ x }}</pre>'),
        ("text-small", '<div style="font-size:0px"> </div><div style="font-size:1px">&nbsp;</div>'),
        ("subject-shouting", "<p>A</p>"),
        ("contrast", '<h1 style="color:#ffffff;background:#8a8a8a">Large</h1>'),
        ("contrast", '<td background="https://a.example/x.jpg"><p style="color:#ffffff">On a picture</p></td>'),
        ("contrast", '<div style="background:linear-gradient(#000,#333)"><p style="color:#ffffff">On dark</p></div>'),
        ("contrast", '<p style="color:#888888;background:#222222">4.48, which is printed as 4.5</p>'),
        ("contrast-dark", '<html><body><p>A <span style="color:#666666">grey</span> word</p></body></html>'),
        ("contrast-dark", '<html><style>@media (prefers-color-scheme: dark) {.card {background: #111111}}</style>'
         '<body><span style="color:transparent;display:none">Preheader</span></body></html>'),
        ("outlook-conditionals", "<!--[if mso]>A<![endif]--><![if !mso]>B<![endif]><!--[if !mso]><!-->C<!--<![endif]-->"),
        ("unsubscribe-missing", '<p>Enough? <a href="https://list.example/x?y=1">Unsubscribe</a></p>'),
        ("document-head", '<!doctype html><html lang="en"><head><meta charset="UTF-8"><meta name="viewport" content="a">'
         '<title dir="auto">A</title></head><body><p>A</p></body></html>'),
    ],
)  # fmt: skip
def test_what_is_right_is_left_in_peace(code: str, traced: str) -> None:
    assert not list(RULES[code].judge(Mail(traced=traced, subject="הודעה חשובה: NASA and the NLRB")))


def test_text_from_right_to_left_must_say_so() -> None:
    head = '<head><meta charset="utf-8"><meta name="viewport" content="a"><title>A</title></head><body>A</body></html>'
    judge = RULES["document-head"].judge
    [problem] = judge(Mail(traced=f'<!DOCTYPE html><html lang="ar-EG">{head}'))
    assert "right to left" in problem.message
    assert not list(judge(Mail(traced=f'<!DOCTYPE html><html lang="ar-EG" dir="rtl">{head}')))


def test_what_only_adds_something_is_no_finding_of_clients() -> None:
    style = "<style>@import url(https://a.example/f.css); a:hover{color:red} @media (max-width:600px){p{display:flex}}</style>"
    mail = Mail(
        traced=f'{style}<p style="box-sizing:border-box;border-spacing:0;text-shadow:0 1px rgba(0,0,0,.4)">A</p>'
    )
    assert not ClientRules({}).judge(mail)
    assert [code for code, _ in ClientRules({}).judge(Mail(traced='<p style="display:flex">A</p>'))]


def test_a_problem_points_at_the_line_its_element_came_from() -> None:
    traced = '<p data-line="7">A <b><a data-line="9" href="#">b</a></b></p><p data-line="12"><a href="">c</a></p>'
    assert [problem.line for problem in RULES["link-dead"].judge(Mail(traced=traced))] == [9, 12]


def test_near_the_clip_is_a_warning_and_over_it_an_error() -> None:
    near = next(iter(RULES["size-clip"].judge(Mail(traced="<p>" + "word " * 18_000 + "</p>"))))
    over = next(iter(RULES["size-clip"].judge(Mail(traced="<p>" + "word " * 21_000 + "</p>"))))
    assert (near.severity, over.severity) == (
        Severity.WARNING,
        Severity.ERROR,
    )
    assert "article" in near.message
