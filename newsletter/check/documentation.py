"""docs/checks.md, written from the rules themselves."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.check.clients import load_support
from newsletter.check.other_codes import OTHER_CODES
from newsletter.check.rule import RULES, Example
from newsletter.finding import Severity

START = """# What `newsletter check` looks at

Written from the rules themselves by `python -m newsletter.check.documentation`; the examples are the rules' tests.

```
newsletter check                # everything
newsletter check unions         # one series, with the size of each mail at the end
```

composes each page as it would be mailed, merges it for readers with much, little and odd data, and points at the line of
the content file or template to mend. **Errors** must not be sent, **warnings** hurt some readers, **info** is good to know.
The exit code is 0 without errors and 1 with one, so that it can guard a pull request; 2 says that the command or
`newsletter.toml` is wrong, 3 that a program it needs is not there. The preview shows the same beside each page.

| to | add |
|---|---|
| merge each row of a CSV into each page, a million if need be | `--subscribers people.csv` |
| ask whether links of other sites answer, a few at a time | `--online` |
| hear SpamAssassin's verdict, where it is installed; offline | `--spam` |
| notice that an upgrade or a template changed the shape of mails | `--golden` ([below](#the-shape-of-mails)) |
| read it with a program | `--format json`, or `--format sarif` (2.1.0) for code hosts ([below](#in-a-pull-request)) |

Without these nothing is asked of the network.

With the name of a series, the text ends with the size of each mail's HTML in kB and the minutes it takes to read:
`shell` is what holds the layout, `theme` the styles, `article` the words, `links` the addresses of links and pictures.

## Silencing

A comment silences one code on its line and in the paragraph behind it, and must give a reason:

```html
<!-- check-ignore link-vague: the sentence before says it -->
```

Front matter does so for a whole file, with a reason too, and newsletter.toml for the whole project:

```yaml
check_ignore:
  subject-long: the name of the law is that long
```

```toml
[check]
ignore = ["dkim-missing"]       # our relay signs
```

A silence without a reason does not count and is a warning; one that has nothing to silence any more is told, so that it can go.
`page-unreadable`, `merge-missing` and `template-broken` can't be silenced: such a mail can't be made.

## Rules
"""

MORE = """
## Clients

`client-unsupported` and `client-partial` say what the chosen mail clients do not support, by the data of
https://www.caniemail.com (MIT, Rémi Parmentier) of {date}; what the house style itself uses is left out. Choose
clients, and the oldest version of each that counts, in newsletter.toml:

```toml
[check.clients]
"outlook.windows" = "2016"
"gmail.ios" = ""
```

Newer data: `newsletter check --refresh caniemail.json`.

## The shape of mails

```
newsletter check --update-golden     # keep the shape of each mail in golden/; add it to git
newsletter check --golden            # later, and in each pull request
```

A shape is the elements of a mail with what lays them out, without words and addresses. When it differs though the page is
the same, a template or an upgrade of the program changed what readers get: `golden-changed` is an error that shows which
lines came (+) and went (-). Look at the mail in the preview, then keep the new shape with `--update-golden`. A page that was
edited itself is only told (`golden-outdated`).

## Other findings

{others}

## In a pull request

On GitHub, run from the root of the repository: findings stand beside the lines they are about, and the mails can be
looked at as a download. Replace OWNER by where your newsletter program is kept; in a checkout of it, `pip install .` does.

```yaml
# .github/workflows/mails.yml
on: pull_request
permissions: {{contents: read, security-events: write}}
jobs:
  mails:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with: {{python-version: "3.13"}}
      - run: pip install "newsletter @ git+https://github.com/OWNER/newsletter"
      - run: newsletter check --format sarif > mails.sarif
      - uses: github/codeql-action/upload-sarif@v4
        if: success() || failure()
        with: {{sarif_file: mails.sarif, category: mails}}
      - run: newsletter preview --export review
        if: success() || failure()
      - uses: actions/upload-artifact@v4
        if: success() || failure()
        with: {{name: review, path: review}}
```

GitHub shows findings in public repositories, and in private ones with Code Security. Elsewhere leave out
`--format sarif > mails.sarif` and the step behind it: the log then names files and lines, and an error fails the job just so.

Before each commit, with [pre-commit](https://pre-commit.com) (`newsletter` must be on the path, as in an activated environment):

```yaml
# .pre-commit-config.yaml
repos:
  - repo: local
    hooks:
      - id: newsletter-check
        name: newsletter check
        entry: newsletter check
        language: system
        pass_filenames: false
        files: ^(content|templates|static|campaigns)/|^newsletter\\.toml$
```
"""

LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}


def checks_reference() -> str:
    """The text of docs/checks.md."""
    import newsletter.check.checker  # noqa: F401 (registers the rules)

    parts = [START]
    for rule in RULES.values():
        parts.append(
            f"\n### `{rule.code}` ({LEVEL[rule.severity]})\n\n{rule.judge.__doc__}\n\n{rule.why} {rule.remedy}\n"
        )
        parts.append(f"\nBad: {_shown(rule.bad)}\n\nGood: {_shown(rule.good)}\n")
    others = "\n".join(
        ["| code | says |", "|---|---|", *(f"| `{code}` | {says} |" for code, says in OTHER_CODES.items())]
    )
    parts.append(MORE.format(date=load_support().date[:10], others=others))
    return "".join(parts)


def _shown(example: Example) -> str:
    if isinstance(example, Mapping):
        fields = ", ".join(f"{name} {_short(value)}" for name, value in example.items() if name != "keys")
        return fields
    return f"`{example}`"


def _short(value: object) -> str:
    if isinstance(value, frozenset):
        value = sorted(value)
    text = f"`{value!r}`"
    return text if len(text) <= 110 else f"{text[:100]}…` ({len(str(value)):,} characters)"


if __name__ == "__main__":
    from pathlib import Path

    Path("docs/checks.md").write_text(checks_reference(), encoding="utf-8")
