from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.check.golden import compare, shape_of
from newsletter.check.mail import Mail
from newsletter.check.merging import MOST_REASONS
from newsletter.config import CheckSettings, Settings
from newsletter.errors import SettingsError
from newsletter.finding import Severity
from newsletter.subscriber import Subscriber

from .projects import check, found, settings, write

GOOD = """---
title: Knots that hold
description: Two knots, and when to trust each of them.
---
![A bowline on a pier](https://pictures.example/bowline.jpg)

The **bowline** makes a loop that holds and comes undone. Read [how to tie it](https://knots.example/bowline).

## When it slips

> Nylon is slippery. Tie it twice.

| Knot | Use |
|---|---|
| Bowline | loop |

* one
* two
"""


def test_a_good_page_has_no_findings(tmp_path: Path) -> None:
    write(tmp_path, _index=GOOD)
    assert found(check(tmp_path)) == []


def test_findings_point_at_the_line_to_mend(tmp_path: Path) -> None:
    write(
        tmp_path,
        _index="One.\n\n[click here](https://a.example)\n\n### Deep\n\n<a href='#'>top</a>\n\n[x](http://plain.example)\n"
        "\n[gone](/boats/gone)\n\n<img src='https://a.example/x.png'>\n",
    )
    assert sorted(found(check(tmp_path)), key=lambda row: row[2] or 0) == [
        ("link-vague", "_index.md", 6),
        ("heading-order", "_index.md", 8),
        ("link-dead", "_index.md", 10),
        ("link-insecure", "_index.md", 12),
        ("link-broken", "_index.md", 14),
        ("alt-missing", "_index.md", 16),
    ]


def test_a_value_without_default_is_an_error_at_its_line(tmp_path: Path) -> None:
    write(tmp_path, _index="Hello.\n\nYou work at {{ company }}.\n\nDear {{ first_name | default('friend') }}.\n")
    checked = check(tmp_path)
    assert found(checked) == [("merge-missing", "_index.md", 6)]
    assert checked.pages[0].findings[0].severity is Severity.ERROR
    assert "company" in checked.pages[0].findings[0].message
    assert checked.pages[0].mail is not None


def test_a_page_that_nobody_can_get_is_judged_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, _index="You have {{ seats + 1 }} seats.\n\n[here](https://a.example)\n")
    assert found(check(tmp_path)) == [("merge-missing", "_index.md", 4), ("link-vague", "_index.md", 6)]


def test_colours_are_judged_on_white_and_in_the_dark(tmp_path: Path) -> None:
    write(
        tmp_path,
        _index='Some <span style="color:#ffff00">yellow</span>.\n\n<font color="#7a1010">Dark red.</font>\n\n'
        '<span style="background-color: #ffff00">Marked.</span>\n\n<span style="color:#b04a2f">Fine.</span>\n',
    )
    assert found(check(tmp_path)) == [
        ("contrast", "_index.md", 4),
        ("contrast-dark", "_index.md", 6),
        ("contrast-dark", "_index.md", 8),
    ]


def test_every_reader_of_a_csv_is_merged(tmp_path: Path) -> None:
    write(tmp_path, _index="You have {{ subscriber.seats | default(1) | int + 1 }} seats.\n")
    readers = [Subscriber(f"r{number}@a.example", attributes={"seats": 3}) for number in range(5)]
    assert found(check(tmp_path, readers=readers)) == []
    write(tmp_path, _index="You work at {{ company }}.\n")
    readers[2] = Subscriber("r2@a.example", attributes={"company": "Acme"})
    message = check(tmp_path, readers=readers).pages[0].findings[0].message
    assert "and for 4 rows (2, 3, 5, …) of people.csv: `company` has no value" in message
    message = check(tmp_path, readers=readers[:2]).pages[0].findings[0].message
    assert "for any reader in people.csv" in message


def test_a_mistake_that_reads_differently_for_each_reader_is_told_a_few_times(tmp_path: Path) -> None:
    write(tmp_path, _index="{{ subscriber[company | default('none')] }}")
    readers = [Subscriber(f"r{number}@a.example", attributes={"company": f"c{number}"}) for number in range(90)]
    findings = check(tmp_path, readers=readers).pages[0].findings
    assert len(findings) == MOST_REASONS + 1
    assert "71 more readers in people.csv" in findings[-1].message


def test_a_template_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, _index="A.\n\n{{ name | nosuchfilter }}\n", b="B.\n\n{% if name %}\n\nnever closed\n")
    checked = check(tmp_path)
    assert [finding.severity for page in checked.pages for finding in page.findings] == [Severity.ERROR, Severity.ERROR]


def test_drafts_are_not_judged_and_unreadable_pages_are_errors(tmp_path: Path) -> None:
    write(
        tmp_path, _index=GOOD, a="---\ntitle: A\ndraft: true\n---\n[here](#)\n", b="no front matter".join(["---\n", ""])
    )
    checked = check(tmp_path)
    assert [page.page.slug for page in checked.pages] == ["_index"]
    assert [finding.code for finding in checked.findings] == ["page-unreadable"]


def test_settings_are_judged_once_for_the_whole_series(tmp_path: Path) -> None:
    write(tmp_path, _index=GOOD, b="Text.")
    checked = check(tmp_path, Settings(root=tmp_path))
    assert [(one.code, one.path) for one in checked.findings] == [
        ("postal-address-missing", "newsletter.toml"),
        ("sender-placeholder", "newsletter.toml"),
        ("web-url-local", "newsletter.toml"),
    ]


def test_a_comment_silences_its_paragraph_and_needs_a_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        _index="<!-- check-ignore link-vague: the picture says it -->\n[here](https://a.example)\n\n[here](https://b.example)\n",
        b="<!-- check-ignore link-vague -->\n[here](https://a.example)\n",
        c="<!-- check-ignore alt-missing: x -->\nText.\n",
    )
    assert found(check(tmp_path)) == [
        ("link-vague", "_index.md", 7),
        ("link-vague", "b.md", 5),
        ("silence-without-reason", "b.md", 4),
        ("silence-idle", "c.md", 4),
    ]


@pytest.mark.parametrize(
    "given",
    ["{link-vague: it is fine}", "['link-vague: it is fine']", "[{link-vague: it is fine}]", "'link-vague: fine'"],
)
def test_front_matter_silences_a_whole_file(tmp_path: Path, given: str) -> None:
    write(tmp_path, _index=f"---\ntitle: A page\ncheck_ignore: {given}\n---\n[here](https://a.example)\n")
    assert found(check(tmp_path)) == []


def test_settings_silence_a_code_everywhere_but_never_what_cannot_be_mailed(tmp_path: Path) -> None:
    write(tmp_path, _index="[here](https://a.example) {{ nothing }}")
    given = settings(tmp_path, CheckSettings(ignore=("link-vague", "merge-missing")))
    assert [code for code, _, _ in found(check(tmp_path, given))] == ["merge-missing"]


def test_only_what_the_author_brought_is_reported_of_client_support(tmp_path: Path) -> None:
    write(tmp_path, _index=GOOD)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "article.css.j2").write_text("p { display: flex; gap: 4px; }\n")
    codes = [finding for finding in check(tmp_path).pages[0].findings if finding.code.startswith("client")]
    assert {finding.severity for finding in codes} <= {Severity.WARNING, Severity.INFO}
    assert any("gap" in finding.message for finding in codes)


def test_clients_are_chosen_with_their_oldest_version(tmp_path: Path) -> None:
    write(tmp_path, _index=GOOD)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "article.css.j2").write_text("p { gap: 4px; }\n")
    only = settings(tmp_path, CheckSettings(clients={"apple-mail.ios": ""}))
    assert found(check(tmp_path, only)) == []
    with pytest.raises(SettingsError, match="lotus"):
        check(tmp_path, settings(tmp_path, CheckSettings(clients={"lotus.notes": ""})))


def test_the_shape_of_a_mail_is_kept_and_compared(tmp_path: Path) -> None:
    write(tmp_path, _index=GOOD)
    page = check(tmp_path).pages[0]
    assert page.mail is not None
    kept = shape_of(page.mail, page.page)
    assert compare(kept, page.mail, page.page, "golden/x.txt") is None
    changed = Mail(traced=page.mail.traced.replace('role="article"', ""))
    finding = compare(kept, changed, page.page, "golden/x.txt")
    assert finding is not None
    assert finding.severity is Severity.ERROR
    assert 'role="article"' in finding.message
    outdated = compare(kept.replace("# page ", "# page x"), changed, page.page, "golden/x.txt")
    assert outdated is not None
    assert outdated.severity is Severity.INFO


def test_a_second_figure_and_inline_elements_are_no_trouble_for_clients(tmp_path: Path) -> None:
    write(
        tmp_path,
        _index="Text <ins>new</ins>.\n\n<figure><img src='https://a.example/b.png' alt='b'><figcaption>B</figcaption></figure>\n"
        "\nMore <kbd>k</kbd>.\n",
    )
    assert found(check(tmp_path)) == []
