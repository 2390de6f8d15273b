"""Bodies → HTML with `data-line` on every element: Markdown, raw HTML, and the two mixed as authors mix them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from linkify_it import LinkifyIt
from linkify_it.main import Match
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.attrs import attrs_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from newsletter.content.callouts import add_callouts
from newsletter.content.hidden import hidden_spans, is_hidden
from newsletter.content.source import SourceText
from newsletter.content.start_tags import annotate, mend

BLOCKS = (
    "address|article|aside|blockquote|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header"
    "|hr|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
BLOCK_TAG = re.compile(rf"<(/?)({BLOCKS})(?=[\s/>])[^<>]*>", re.IGNORECASE)
FENCE = re.compile(r" {0,3}(```+|~~~+)")
CODE_SPAN = re.compile(r"`[^`\n]+`")
INDENTED = re.compile(r"(?: {4}|\t| {1,3}\t)")
ATTRIBUTES = re.compile(
    r"(?P<kept>^ {0,3}(?P<fence>```+|~~~+)[\s\S]*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|^#{1,6} .*?)(?(fence)|[ \t]*\{:?[ \t]*[#.][^{}\n]*\}[ \t]*$)"
    r"|^(?:[-*+] TOC[ \t]*(?P<break>\n))?\{(?::|[#.])[^{}\n]*\}[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
"""`{#id}`, `{: .class}` and Kramdown's `{:toc}` say how a site shows a block; code is left as it is."""

MARKS = re.compile(r"^ {0,3}(?:\[(?:TOC|\[_?TOC_?\])\]|\\(?:newpage|pagebreak))[ \t]*$", re.MULTILINE | re.IGNORECASE)
"""Marks for a table of contents or a new page, of which a mail has none."""

BULLET = re.compile(r"^( {0,3})[•‣◦▪●](?=[ \t]+[^\s•‣◦▪●])", re.MULTILINE)
"""A list as word processors and chat programs paste it; Markdown would run its lines together."""

MARKDOWN_SIGN = re.compile(
    r"\]\(|\]\[|^\[[^\]\n]+\]:|\*\S|\S\*|`|(?<!\w)_\S|~~|\\[^\s\w]|^ {0,3}(?:#{1,6}\s|>|[-+*]\s|\d{1,9}[.)]\s|---|===|```|:\s)"
    r"|^\|.*\||<https?:|<mailto:|\[\^|^ {0,3}(?::::|!!!|[•‣◦▪●]\s)",
    re.MULTILINE,
)
"""Anything that Markdown might read as more than text. Without one, a page of raw HTML needs no Markdown."""

MAYBE_SIGN = re.compile(r"[\]*_`~\\|]|^ {0,3}[#>+=:0-9!•‣◦▪●-]|<(?:http|mailto)", re.MULTILINE)
"""A cheap first look: most pages of raw HTML hold none of these."""

MAYBE_CODE = re.compile(r"^[ \t]*\n(?: {4}|\t)[ \t]*[^<\s]", re.MULTILINE)
"""A blank line and an indented one that begins no tag: code, unless an HTML block is open."""

NESTING = 100
"""Levels of lists and quotes; markdown-it silently drops deeper ones, `Markup.read` refuses such a page by name."""

HTML_FILE = (".html", ".htm")


def to_html(body: SourceText, path: str) -> str:
    """The HTML of `body`, not yet repaired.

    `.html` files and pages of raw HTML alone go straight through. Otherwise Markdown is rendered as CommonMark
    says, except that an indented line inside an open HTML block is not code: that is how people indent tables.
    """
    if path.lower().endswith(HTML_FILE) or _is_raw_html(body.text):
        return annotate(body.text, body.line_at)
    body = _list_bullets(mend(body).substitute(MARKS, lambda match, line: ""))
    text = ATTRIBUTES.sub(lambda match: match["kept"] or match["break"] or "", body.text)
    return _render(SourceText(_dedent_raw_html(text), body.lines))


def _list_bullets(body: SourceText) -> SourceText:
    bullets = list(BULLET.finditer(body.text))
    hidden = hidden_spans(body.text) if bullets else []
    return body.edit([(*each.span(), f"{each[1]}-") for each in bullets if not is_hidden(each.start(), hidden)])


def _is_raw_html(text: str) -> bool:
    """Whether everything outside HTML blocks is HTML too, and nothing in the page looks like Markdown."""
    if not text.lstrip().startswith("<") or (MAYBE_SIGN.search(text) and MARKDOWN_SIGN.search(text)):
        return False
    if not MAYBE_CODE.search(text):
        return True
    inside = _inside_blocks(text.split("\n"), honour_code=False)
    rows = zip(text.split("\n"), inside, strict=True)
    return all(within or not row.strip() or row.lstrip().startswith("<") for row, within in rows)


def _dedent_raw_html(text: str) -> str:
    rows = text.split("\n")
    if not any(INDENTED.match(row) for row in rows):
        return text
    inside = _inside_blocks(rows, honour_code=True)
    fence, margin = "", 0
    for index, row in enumerate(rows):
        bare = row.lstrip(" \t")
        if fence:  # code keeps its own indentation: what its first line has is the block's
            rows[index] = row[min(margin, len(row) - len(bare)) :]
            fence = "" if bare.startswith(fence) and not bare.strip(" `~") else fence
        elif inside[index]:
            rows[index] = bare if INDENTED.match(row) else row
            if mark := FENCE.match(rows[index]):
                fence, margin = mark[1], len(row) - len(rows[index])
    return "\n".join(rows)


def _inside_blocks(rows: Sequence[str], *, honour_code: bool) -> list[bool]:
    """For each row, whether it begins inside an open HTML block; fenced and indented code is not looked into.

    Closing tags may be missing (`</tr>`, `</table>`): a block that never comes to its end reaches to the last
    closing tag of its kind, and one without any is no block.
    """
    tags = _block_tags(rows, honour_code=honour_code)
    inside = [False] * len(rows)
    for name in {name for _, name, _ in tags} - {"pre", "hr"}:
        depth, first, last = 0, -1, -1
        for row, kind, is_closing in tags:
            if kind != name:
                continue
            if is_closing:
                depth, last = max(depth - 1, 0), row
            else:
                first = row if depth == 0 else first
                depth += 1
            if is_closing and depth == 0 and first >= 0:
                inside[first + 1 : row + 1] = [True] * (row - first)
                first = -1
        if depth and first >= 0 and last > first:
            inside[first + 1 : last + 1] = [True] * (last - first)
    for start, end in _ranges(tags, "pre"):
        inside[start : end + 1] = [False] * (end + 1 - start)
    return inside


def _ranges(tags: Sequence[tuple[int, str, bool]], name: str) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    start = None
    for row, kind, is_closing in tags:
        if kind == name and not is_closing and start is None:
            start = row
        elif kind == name and is_closing and start is not None:
            ranges.append((start, row))
            start = None
    return ranges


def _block_tags(rows: Sequence[str], *, honour_code: bool) -> list[tuple[int, str, bool]]:
    tags: list[tuple[int, str, bool]] = []
    fence = ""
    code = blank = honour_code
    for index, row in enumerate(rows):
        if fence or (honour_code and (mark := FENCE.match(row))):
            mark = FENCE.match(row)
            if not fence and mark:
                fence = mark[1]
            elif mark and mark[1].startswith(fence) and not row.strip(" `~"):
                fence = ""
            continue
        indented = INDENTED.match(row) is not None
        code = honour_code and indented and (code or blank) and bool(row.strip()) and not _open(tags)
        blank = not row.strip()
        if not code and "<" in row:
            line = CODE_SPAN.sub("", row) if honour_code else row
            tags.extend((index, tag[2].lower(), bool(tag[1])) for tag in BLOCK_TAG.finditer(line))
    return tags


def _open(tags: Sequence[tuple[int, str, bool]]) -> bool:
    """Whether more blocks were opened than closed so far: then an indented row is HTML, not code."""
    depth: dict[str, int] = {}
    for _, name, is_closing in tags:
        depth[name] = max(depth.get(name, 0) + (-1 if is_closing else 1), 0)
    return any(count for name, count in depth.items() if name not in ("p", "li", "hr", "td", "tr", "th", "dd", "dt"))


class LineRenderer(RendererHTML):
    """Writes `data-line` into raw HTML and fenced code; `env["body"]` knows the lines."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        line = env["body"].line_of_row(token.map[0]) if token.map else 1
        return super().fence(tokens, idx, options, env).replace("<pre>", f'<pre data-line="{line}">', 1)

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        row = token.map[0] if token.map else 0
        return _annotate_rows(token.content, env["body"], row)

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        return _annotate_rows(token.content, env["body"], token.meta.get("row", 0))


def _annotate_rows(html: str, body: SourceText, row: int) -> str:
    return annotate(html, lambda offset: body.line_of_row(row + html.count("\n", 0, offset)))


def _footnote_number(self: LineRenderer, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
    """The number alone: a mail has no anchors to jump to."""
    return f"<sup>[{tokens[idx].meta['id'] + 1}]</sup>"


def _no_way_back(self: LineRenderer, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
    return ""


def _parser() -> MarkdownIt:
    options = {"html": True, "linkify": True, "maxNesting": NESTING}
    parser = MarkdownIt("commonmark", options, renderer_cls=LineRenderer)
    parser.enable(["table", "strikethrough", "linkify"]).use(deflist_plugin).use(footnote_plugin)
    parser.use(attrs_plugin, allowed=["width", "height"])
    add_callouts(parser)
    parser.linkify = BareAddresses()
    # `clean_address` decides about addresses, and says so; CommonMark would show `[a](javascript:b)` as it is written.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.add_render_rule("footnote_ref", _footnote_number)
    parser.add_render_rule("footnote_anchor", _no_way_back)
    return parser


class BareAddresses(LinkifyIt):  # type: ignore[misc]
    """Which bare addresses become links: as in Hugo and on GitHub, not every word with a dot in it."""

    def match(self, text: str) -> list[Match] | None:
        """The addresses in `text`: those with http or https, those that begin with www., and mail addresses."""
        found = super().match(text) or ()
        kept = [
            match
            for match in found
            if match.schema in ("http:", "https:", "mailto:") or match.raw.lower().startswith("www.")
        ]
        return kept or None


PARSER = _parser()


def _render(body: SourceText) -> str:
    env: dict[str, Any] = {"body": body}
    tokens = PARSER.parse(body.text, env)
    for token in tokens:
        row = token.map[0] if token.map else None
        if row is not None and token.nesting >= 0 and token.tag:
            token.attrSet("data-line", str(body.line_of_row(row)))
        if token.type == "inline" and token.children:
            _number_inline(token.children, row or 0, body)
    return str(PARSER.renderer.render(tokens, PARSER.options, env))


def inline_html(text: str) -> str:
    """A line of Markdown as HTML, for a caption."""
    return str(PARSER.renderInline(text, {"body": SourceText.starting_at(text, 1)}))


def _number_inline(children: Sequence[Token], row: int, body: SourceText) -> None:
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            row += 1
        elif child.type == "html_inline":
            child.meta["row"] = row
            row += child.content.count("\n")
        elif child.tag and child.nesting >= 0:
            child.attrSet("data-line", str(body.line_of_row(row)))
