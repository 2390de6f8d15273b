"""What a mail may hold: elements, attributes, styles and addresses. Everything else is taken out."""

from __future__ import annotations

INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "br",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
    ]
)
BLOCK = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "hr",
        "figure",
        "figcaption",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "nav",
        "center",
        "address",
        "fieldset",
        "details",
        "summary",
    ]
)
RENAMED = {
    "strike": "s",
    "tt": "code",
    "font": "span",
    "big": "span",
    "acronym": "abbr",
}

REMOVED = frozenset(
    [
        "script",
        "style",
        "head",
        "title",
        "meta",
        "link",
        "base",
        "template",
        "svg",
        "math",
        "canvas",
        "object",
        "embed",
        "applet",
        "iframe",
        "frame",
        "frameset",
        "video",
        "audio",
        "input",
        "button",
        "select",
        "textarea",
        "option",
        "datalist",
        "map",
        "area",
        "progress",
        "meter",
        "dialog",
        "source",
        "track",
        "param",
        "noframes",
    ]
)
SEEN = frozenset(
    [
        "svg",
        "math",
        "canvas",
        "object",
        "embed",
        "applet",
        "iframe",
        "frame",
        "video",
        "audio",
        "input",
        "button",
        "select",
        "textarea",
        "map",
        "progress",
        "meter",
        "dialog",
    ]
)
"""Removed elements that a reader of the site sees; an author must hear that the mail lacks them."""

PLAYERS = {"iframe": "See it on the web", "video": "Watch the video", "audio": "Listen to it"}
"""Removed elements that a link can stand in for, and its words."""

ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset(["href", "title"]),
    "img": frozenset(["src", "alt", "width", "height", "title"]),
    "td": frozenset(["colspan", "rowspan", "align"]),
    "th": frozenset(["colspan", "rowspan", "align", "scope"]),
    "ol": frozenset(["start", "type", "reversed"]),
    "li": frozenset(["value"]),
    "abbr": frozenset(["title"]),
    "time": frozenset(["datetime"]),
}
EVERYWHERE = frozenset(["data-line", "lang", "dir", "class", "id", "rel", "style", "align"])
"""`class`, `id` and `rel` help to recognise footer and `next`; `finish` takes them away."""
INTEGERS = frozenset(["colspan", "rowspan", "start", "value"])

STYLES = frozenset(["text-align", "color", "background-color", "font-weight", "font-style", "text-decoration"])
LINK_SCHEMES = frozenset(["http", "https", "mailto", "tel", "sms"])
PICTURE_SCHEMES = frozenset(["http", "https"])
