"""Boxes and check marks of other Markdown dialects, as every mail client can show them.

`> [!NOTE]` (GitHub, Obsidian, Hugo), `:::note Title` (Docusaurus, VuePress, Pandoc) and `!!! note "Title"` (MkDocs)
become quotes that begin with their title in bold; `- [x]` begins with a box.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin

ALERT = re.compile(r"\[!(\w{1,30})\][+-]?[ \t]*")
FENCED = re.compile(
    r":*\s*(?:\{[^}]*?\.?(?P<class>[\w-]+)[^}]*\}|(?P<word>[\w-]+))\s*(?:\[(?P<title>[^\]]*)\]|(?P<rest>[^{]*))"
)
KINDS = frozenset(
    [
        "note",
        "tip",
        "info",
        "warning",
        "caution",
        "danger",
        "important",
        "success",
        "failure",
        "error",
        "question",
        "example",
        "quote",
        "abstract",
        "summary",
        "todo",
        "hint",
        "attention",
        "bug",
        "seealso",
        "check",
        "done",
        "help",
        "faq",
    ]
)
"""Kinds of boxes whose name is a title when there is no other."""
TASK = re.compile(r"\[([ xX])\]\s+")
CLASS = re.compile(r"(?:callout|admonition|alert)-")


def add_callouts(parser: MarkdownIt) -> None:
    """Teach `parser` the three forms of boxes, and task lists."""
    container_plugin(parser, "box", validate=lambda params, marker: FENCED.match(params) is not None)
    parser.use(admon_plugin)
    parser.core.ruler.after("inline", "callouts", _rewrite)
    parser.core.ruler.after("callouts", "tasks", _mark_tasks)


def _rewrite(state: StateCore) -> None:
    tokens: list[Token] = []
    inside_title = False
    for index, token in enumerate(state.tokens):
        if token.type in ("container_box_open", "admonition_open"):
            words = _words_of(token.info) if token.type == "container_box_open" else ""
            tokens.append(_as_quote(token))
            tokens.extend(_title(words, token) if words else [])
        elif token.type in ("container_box_close", "admonition_close"):
            tokens.append(_as_quote(token))
        elif token.type in ("admonition_title_open", "admonition_title_close"):
            inside_title = token.nesting == 1
            token.type, token.tag = token.type.replace("admonition_title", "paragraph"), "p"
            token.attrs = {}
            tokens.append(token)
        elif token.type == "inline" and inside_title and token.children:
            token.children = _bold(token.children)
            tokens.append(token)
        elif token.type == "paragraph_open" and tokens and tokens[-1].type == "blockquote_open":
            tokens.extend(_alert_title(token, state.tokens[index + 1]))
            tokens.append(token)
        else:
            tokens.append(token)
    state.tokens = tokens


def _alert_title(paragraph: Token, inline: Token) -> list[Token]:
    """The title of a `> [!NOTE]`, taken out of its first line."""
    children = inline.children or []
    found = ALERT.match(children[0].content) if children and children[0].type == "text" else None
    if found is None:
        return []
    end = next((at for at, child in enumerate(children) if child.type in ("softbreak", "hardbreak")), len(children))
    children[0].content = children[0].content[found.end() :]
    own, inline.children = children[:end], children[end + 1 :]
    title = _title("", paragraph)
    words = "".join(child.content for child in own).strip()
    title[1].children = _bold(own if words else [_text(found[1].capitalize())])
    return title


def _as_quote(token: Token) -> Token:
    token.type, token.tag = f"blockquote_{'open' if token.nesting == 1 else 'close'}", "blockquote"
    token.attrs = {}
    return token


def _words_of(info: str) -> str:
    """`note[My tip]` → My tip, `danger Take care` → Take care, `tip` → Tip, `{.callout-note}` → Note."""
    found = FENCED.match(info.strip())
    if found is None:
        return ""
    said = (found["title"] or found["rest"] or "").strip().strip("\"'")
    kind = CLASS.sub("", (found["class"] or found["word"]).lower())
    return said or (kind.capitalize() if kind in KINDS else "")


def _title(words: str, beside: Token) -> list[Token]:
    inline = Token("inline", "", 0, map=beside.map, content=words, level=beside.level + 1)
    inline.children = _bold([_text(words)])
    opening, closing = Token("paragraph_open", "p", 1), Token("paragraph_close", "p", -1)
    opening.map = beside.map
    return [opening, inline, closing]


def _bold(children: Sequence[Token]) -> list[Token]:
    return [Token("strong_open", "strong", 1), *children, Token("strong_close", "strong", -1)]


def _text(words: str) -> Token:
    return Token("text", "", 0, content=words)


def _mark_tasks(state: StateCore) -> None:
    """`[x]` and `[ ]` at the beginning of an item as boxes; a mail has no input fields."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open" or not inline.children:
            continue
        first = inline.children[0]
        if first.type == "text" and (found := TASK.match(first.content)):
            first.content = f"{'☐' if found[1] == ' ' else '☑'} {first.content[found.end() :]}"
