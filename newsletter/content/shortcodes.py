"""Hugo shortcodes: `{{< figure … >}}`, `{{% note %}} … {{% /note %}}`. None of them reaches a mail.

Known ones become HTML, unknown ones are removed with a warning; the text inside an unknown pair stays.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from newsletter.content.markdown import inline_html
from newsletter.content.slots import part_braces
from newsletter.content.source import SourceText
from newsletter.finding import Finding, Severity

TAG = re.compile(r"\{\{([<%])((?:(?!\{\{[<%])[\s\S]){0,4000}?)[>%]\}\}")
SHOWN = re.compile(r"\{\{([<%])/\*([\s\S]{0,2000}?)\*/([>%])\}\}")
"""`{{</* figure */>}}` is how Hugo writes of a shortcode instead of using it."""
TORN = re.compile(r"\{\{[<%][^\n]*")
ROUNDS = 10
"""How often what was joined by taking a shortcode out may be another one, before the rest is cut off."""
ARGUMENT = re.compile(r"""(?:([\w-]+)\s*=\s*)?(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`|'([^']*)'|([^\s"'`=]+))""")


WORDPRESS = re.compile(
    r"\[(/?)(caption|wp_caption|embed|gallery|playlist|audio|video|contact-form-7|(?:vc|et_pb|fusion)_\w+)"
    r"((?:\s+[\w-]+=(?:\"[^\"\]\n]*\"|'[^'\]\n]*'|[^\s\]\"']+))*)\s*/?\](?![(:])",
    re.IGNORECASE,
)
"""Shortcodes that an export from WordPress leaves: `[gallery ids="1,2"]`, `[caption …]…[/caption]`."""
FRAMES = frozenset(["caption", "wp_caption", "embed"])
"""Those that only stand around what they show."""


@dataclass(frozen=True)
class Shortcode:
    """One opening tag: its name, and its arguments by position and by name."""

    name: str
    positional: tuple[str, ...]
    named: Mapping[str, str]
    line: int

    def argument(self, name: str, position: int = 0) -> str:
        """The argument called `name`, else the one at `position`, else "" ."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if position < len(self.positional) else ""


@dataclass
class Shortcodes:
    """Expands the shortcodes of one page. `folder` is the page's folder below content, `values` its front matter."""

    path: str
    folder: str
    values: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)

    def expand(self, body: SourceText) -> SourceText:
        """`body` without shortcodes. Taking one out can join the halves of another, hence the loop."""
        body = body.substitute(SHOWN, lambda tag, line: part_braces(f"{{{{{tag[1]}{tag[2]}{tag[3]}}}}}"))
        rounds = 0
        while "{{<" in body.text or "{{%" in body.text:
            before, rounds = body.text, rounds + 1
            body = self._expand_once(body)
            if body.text == before or rounds > ROUNDS:
                body = body.substitute(TORN, self._torn)
        return self._without_wordpress(body) if "[" in body.text else body

    def _without_wordpress(self, body: SourceText) -> SourceText:
        """`body` without WordPress's tags; what stands between two of them stays."""
        closed = {tag[2].lower() for tag in WORDPRESS.finditer(body.text) if tag[1]}

        def remove(tag: re.Match[str], line: int) -> str:
            name = tag[2].lower()
            if not (tag[3] or name in closed):
                return tag[0]  # `[video]` may be a link whose address is given elsewhere
            if name not in FRAMES and not tag[1]:
                self._report_removed(name, line)
            return ""

        return body.substitute(WORDPRESS, remove)

    def _expand_once(self, body: SourceText) -> SourceText:
        edits: list[tuple[int, int, str]] = []
        tags = list(TAG.finditer(body.text))
        closing = {_name(tag) for tag in tags if tag[2].strip().startswith("/") and not tag[2].startswith("/*")}
        position = 0
        for index, tag in enumerate(tags):
            if tag.start() < position:
                continue
            shortcode = _read(tag, body.line_at(tag.start()))
            end, piece = tag.end(), ""
            if shortcode is None:
                pass
            elif shortcode.name in WHOLE and shortcode.name in closing:
                close = next((other for other in tags[index + 1 :] if _closes(other, shortcode.name)), None)
                inner = body.text[tag.end() : close.start()] if close else ""
                end = close.end() if close else end
                piece = WHOLE[shortcode.name](shortcode, TAG.sub("", inner))
            else:
                piece = self._render(shortcode)
            position = end
            alone = piece.startswith(("<figure", "<p", "<pre")) and _alone(body.text, tag.start(), end)
            edits.append((tag.start(), end, piece + "\n" if alone else piece))
        return body.edit(edits)

    def _render(self, shortcode: Shortcode) -> str:
        if shortcode.name in ("ref", "relref"):
            return site_path(shortcode.argument("path"), self.folder)
        if shortcode.name == "param":
            value = _look_up(self.values, shortcode.argument("name"))
            if value is not None:
                return escape(str(value))
        elif render := KNOWN.get(shortcode.name):
            piece = render(shortcode)
            if piece is not None:
                return piece
        self._report_removed(shortcode.name, shortcode.line)
        return ""

    def _report_removed(self, name: str, line: int) -> None:
        self.findings.append(
            Finding(
                "shortcode-removed",
                Severity.WARNING,
                f"The shortcode {name!r} can't be shown in a mail and was removed.",
                self.path,
                line,
                "Write what it shows as HTML or Markdown, or remove it.",
            )
        )

    def _torn(self, match: re.Match[str], line: int) -> str:
        self.findings.append(
            Finding(
                "shortcode-torn",
                Severity.WARNING,
                "A shortcode is opened here but not closed; the rest of the line was removed.",
                self.path,
                line,
                "Close it with >}} or %}}.",
            )
        )
        return ""


def _name(tag: re.Match[str]) -> str:
    return tag[2].strip().lstrip("/").strip().split(None, 1)[0].lower() if tag[2].strip(" \n\t/") else ""


def _closes(tag: re.Match[str], name: str) -> bool:
    return tag[2].strip().startswith("/") and _name(tag) == name


def _read(tag: re.Match[str], line: int) -> Shortcode | None:
    """The opening tag in `tag`; None for a closing tag, a comment and an empty one."""
    inner = tag[2].strip().removesuffix("/").strip()
    if not inner or inner.startswith("/"):
        return None
    name, _, rest = inner.partition(" ") if "\n" not in inner.split(" ", 1)[0] else inner.partition("\n")
    positional: list[str] = []
    named: dict[str, str] = {}
    for key, quoted, raw, single, bare in ARGUMENT.findall(rest):
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted else raw or single or bare
        if key:
            named[key.lower()] = value
        else:
            positional.append(value)
    return Shortcode(name.lower(), tuple(positional), named, line)


def _alone(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    after = text[end : (text.find("\n", end) + 1 or len(text) + 1) - 1]
    return not before.strip() and not after.strip()


def _look_up(values: Mapping[str, Any], name: str) -> str | int | float | None:
    value: Any = values
    for part in name.split("."):
        keys = {key.lower(): key for key in value} if isinstance(value, Mapping) else {}
        if part.lower() not in keys:
            return None
        value = value[keys[part.lower()]]
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def site_path(reference: str, folder: str) -> str:
    """The path on the site of a content file: `learning.md` in `unions` is `/unions/learning`."""
    path, mark, fragment = reference.strip().partition("#")
    if not path:
        return mark + fragment
    full = posixpath.normpath(posixpath.join("/", folder, path))
    stem = re.sub(r"\.(md|markdown|html?)$", "", full, flags=re.IGNORECASE)
    stem = re.sub(r"(^|/)_?index$", "", stem) or "/"
    return quote(stem, safe="/~:@!$&'()*+,;=%") + mark + fragment


def _figure(code: Shortcode) -> str | None:
    if not (source := code.argument("src")):
        return None
    alt = code.named.get("alt", _plain(code.named["caption"]) if "caption" in code.named else None)
    picture = f'<img src="{escape(source)}"' + (f' alt="{escape(alt)}"' if alt is not None else "")
    picture += "".join(f' {name}="{escape(code.named[name])}"' for name in ("width", "height") if name in code.named)
    picture += ">"
    if link := code.named.get("link"):
        picture = f'<a href="{escape(link)}">{picture}</a>'
    title, caption, credit = (code.named.get(name, "") for name in ("title", "caption", "attr"))
    words = [f"<b>{inline_html(title)}</b>"] if title else []
    words += [inline_html(caption)] if caption else []
    if credit:
        link = code.named.get("attrlink", "")
        words.append(f'<a href="{escape(link)}">{escape(credit)}</a>' if link else inline_html(credit))
    return f"<figure>{picture}" + (f"<figcaption>{' '.join(words)}</figcaption>" if words else "") + "</figure>"


def _plain(caption: str) -> str:
    """The words of a caption, which is Markdown, as in Hugo."""
    return unescape(re.sub(r"<[^>]*>", "", inline_html(caption)))


def _qr(code: Shortcode) -> str | None:
    text = code.argument("text")
    return f'<p><a href="{escape(text)}">{escape(text)}</a></p>' if re.match(r"https?://", text) else None


def _youtube(code: Shortcode) -> str | None:
    video = code.argument("id")
    if not re.fullmatch(r"[\w-]{5,20}", video):
        return None
    label = escape(code.named.get("title", "Watch the video on YouTube"))
    return (
        f'<p><a href="https://www.youtube.com/watch?v={video}">'
        f'<img src="https://img.youtube.com/vi/{video}/hqdefault.jpg" alt="{label}" width="480"></a></p>'
    )


def _linked(code: Shortcode, pattern: str, address: str, label: str, position: int = 0) -> str | None:
    number = code.argument("id", position)
    if not re.fullmatch(pattern, number):
        return None
    user = quote(code.argument("user"), safe="")
    return f'<p><a href="{escape(address.format(id=number, user=user))}">{label}</a></p>'


def _highlight(code: Shortcode, inner: str) -> str:
    return f"<pre><code>{escape(inner.strip(chr(10)), quote=False)}</code></pre>"


def _nothing(code: Shortcode, inner: str) -> str:
    return ""


def _summary(code: Shortcode) -> str:
    summary = code.argument("summary") or code.argument("title")
    return f"<p><b>{escape(summary)}</b></p>" if summary else ""


KNOWN: dict[str, Callable[[Shortcode], str | None]] = {
    "figure": _figure,
    "youtube": _youtube,
    "vimeo": lambda code: _linked(code, r"\d+", "https://vimeo.com/{id}", "Watch the video on Vimeo"),
    "gist": lambda code: _linked(code, r"\w+", "https://gist.github.com/{user}/{id}", "See the code on GitHub", 1),
    "instagram": lambda code: _linked(code, r"[\w-]+", "https://www.instagram.com/p/{id}/", "See it on Instagram"),
    "tweet": lambda code: _linked(code, r"\d+", "https://x.com/i/status/{id}", "Read the post on X"),
    "x": lambda code: _linked(code, r"\d+", "https://x.com/i/status/{id}", "Read the post on X"),
    "details": _summary,
    "qr": _qr,
}
"""Shortcodes that stand for themselves; None means that an argument is missing."""

WHOLE: dict[str, Callable[[Shortcode, str], str]] = {"highlight": _highlight, "comment": _nothing}
"""Shortcodes that need what stands between their tags."""
