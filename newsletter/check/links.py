"""Rules about links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from newsletter.check.mail import Mail, is_authors, line_of
from newsletter.check.rule import Problem, at, rule, shown
from newsletter.content.tree import Element, text_of
from newsletter.finding import Severity

VAGUE = re.compile(
    r"(?:(?:click|tap|press)(?: here| this)?|here|this|link|this link|(?:read |learn |see |find out )?more|details|info"
    r"|go|hier|mehr|ici|aquí|qui)[\s.!…»→>]*",
    re.IGNORECASE,
)
LOCAL = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1\]|.*\.(?:local|localhost|test|internal))")
ADDRESS = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:/\S*)?", re.IGNORECASE)
BUTTON = 44
"""CSS pixels, WCAG 2.5.5."""


def _name(link: Element) -> str:
    """What a link is called: its text and the alternative text of its pictures."""
    return " ".join([text_of(link), *(image.get("alt") or "" for image in link.iter("img"))]).strip()


@rule(
    "link-empty",
    Severity.ERROR,
    why="A link without a name can't be seen, and a screen reader reads its address aloud.",
    remedy="Write what it leads to, or remove the link.",
    bad='<a href="https://site.example/a"></a>',
    good='<a href="https://site.example/a">The guide</a>',
)
def link_empty(mail: Mail) -> Iterator[Problem]:
    """Every link has a name."""
    for link in mail.links:
        if link.get("href") and not _name(link) and link.find(".//img") is None:
            yield at(link, f"The link to {shown(link.get('href'))} has no text.")


@rule(
    "link-vague",
    Severity.WARNING,
    why="Readers who skim, and screen readers that list the links of a mail, see the link without its sentence.",
    remedy="Let the link say what it leads to: “the steward's handbook” instead of “here”.",
    bad='<p data-line="3">For the handbook <a href="https://site.example/a">click here</a>.</p>',
    good='<p data-line="3">Read <a href="https://site.example/a">the handbook</a>.</p>',
)
def link_vague(mail: Mail) -> Iterator[Problem]:
    """A link says what it leads to."""
    for link in mail.links:
        if VAGUE.fullmatch(_name(link)) and is_authors(link):
            yield at(link, f"The link {shown(_name(link))} does not say what it leads to.")


@rule(
    "link-dead",
    Severity.ERROR,
    why="A link to `#`, to nothing or into the page itself does nothing in most mail clients.",
    remedy="Write the address it should lead to, or remove the link.",
    bad='<a href="#">Read on</a>',
    good='<a href="https://site.example/a">Read on</a>',
)
def link_dead(mail: Mail) -> Iterator[Problem]:
    """No link is empty, `#` or `#part`."""
    for link in (element for element in mail.written if element.tag == "a"):
        href = (link.get("href") or "").strip()
        if link.get("href") is not None and (not href or href.startswith("#")):
            yield at(link, f"The link {shown(_name(link))} leads nowhere ({href or 'empty'}).")


@rule(
    "link-relative",
    Severity.ERROR,
    why="A mail has no address of its own, so a relative address leads nowhere.",
    remedy="Write the whole address, with https://.",
    bad='<a href="/guide">The guide</a>',
    good='<a href="https://site.example/guide">The guide</a>',
)
def link_relative(mail: Mail) -> Iterator[Problem]:
    """Links and pictures have whole addresses."""
    for element in mail.named("a", "img"):
        address = (element.get("href" if element.tag == "a" else "src") or "").strip()
        if address and not address.startswith("#") and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", address):
            yield at(element, f"The address {shown(address)} is relative.")


@rule(
    "link-insecure",
    Severity.WARNING,
    why="Browsers warn before they open an http address, and anybody on the way can change what it shows.",
    remedy="Use https; nearly every site answers to it.",
    bad='<a href="http://union.example/a">The guide</a>',
    good='<a href="https://union.example/a">The guide</a>',
)
def link_insecure(mail: Mail) -> Iterator[Problem]:
    """Links and pictures use https."""
    for element in mail.named("a", "img"):
        address = (element.get("href" if element.tag == "a" else "src") or "").strip()
        if address.lower().startswith("http:") and not address.startswith(mail.web_url) and not _is_local(address):
            yield at(element, f"The address {shown(address)} is not encrypted.")


@rule(
    "link-local",
    Severity.ERROR,
    why="An address of this machine or this network can't be reached by any reader.",
    remedy="Write the public address.",
    bad='<a href="http://localhost:1313/guide">The guide</a>',
    good='<a href="https://site.example/guide">The guide</a>',
)
def link_local(mail: Mail) -> Iterator[Problem]:
    """No link leads to localhost or a private name; links of the house style are judged by `web-url-local`."""
    for element in mail.named("a", "img"):
        address = element.get("href" if element.tag == "a" else "src") or ""
        if _is_local(address) and not address.startswith(mail.web_url):
            yield at(element, f"The address {shown(address)} works on this machine only.")


def _is_local(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return bool(LOCAL.fullmatch(host)) or address.lower().startswith("file:")


@rule(
    "link-broken",
    Severity.ERROR,
    why="A link to a page of this site that does not exist is a dead end for every reader.",
    remedy="Write the page, or mend the address.",
    bad={
        "traced": '<a href="https://site.example/boats/knotz">Knots</a>',
        "site_pages": frozenset(["boats/knots"]),
        "series_names": frozenset(["boats"]),
    },
    good={
        "traced": '<a href="https://site.example/boats/knots">Knots</a>',
        "site_pages": frozenset(["boats/knots"]),
        "series_names": frozenset(["boats"]),
    },
)
def link_broken(mail: Mail) -> Iterator[Problem]:
    """A link into a series of this site leads to one of its pages; the `next` link is judged with the order."""
    host = urlsplit(mail.base_url).netloc.lower()
    for link in mail.links:
        address = link.get("href") or ""
        try:
            parts = urlsplit(address)
        except ValueError:
            yield at(link, f"The address {shown(address)} is none.")
            continue
        path = unquote(parts.path).strip("/").lower().removesuffix("/index.html").removesuffix(".html")
        in_series = path.partition("/")[0] in mail.series_names
        if parts.netloc.lower() == host and in_series and path not in mail.site_pages and address != mail.next_href:
            yield at(link, f"There is no published page at {shown(address)}.")


@rule(
    "link-disguised",
    Severity.WARNING,
    why="A link whose text is one address and whose target another is how phishing looks; filters and readers distrust it.",
    remedy="Let the text say what the page is, or write the address it really leads to.",
    bad='<a href="https://tracker.example/x">www.union.org</a>',
    good='<a href="https://www.union.org/join">union.org</a>',
)
def link_disguised(mail: Mail) -> Iterator[Problem]:
    """A link whose text is an address leads to that site."""
    for link in mail.links:
        text = ADDRESS.fullmatch(text_of(link))
        host = _host(link.get("href") or "")
        if text and host and not _same_site(text[1].lower(), host):
            yield at(link, f"The link says {text[1]} but leads to {host}.")


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _same_site(said: str, host: str) -> bool:
    said, host = said.removeprefix("www."), host.removeprefix("www.")
    return said == host or host.endswith("." + said) or said.endswith("." + host)


@rule(
    "links-touching",
    Severity.INFO,
    why="Two links side by side with nothing between them can't be hit apart with a thumb.",
    remedy="Put words or a line break between them.",
    bad='<p data-line="3"><a href="https://a.example">One</a> <a href="https://b.example">Two</a></p>',
    good='<p data-line="3"><a href="https://a.example">One</a> and <a href="https://b.example">Two</a></p>',
)
def links_touching(mail: Mail) -> Iterator[Problem]:
    """Links in a sentence have a word between them."""
    for link in mail.links:
        other = link.getnext()
        near = other is not None and other.tag == "a" and not (link.tail or "").strip()
        words = bool(text_of(link)) and other is not None and bool(text_of(other))
        if near and words and line_of(link) is not None:
            yield at(link, f"The links {shown(text_of(link))} and {shown(text_of(other))} touch.")


@rule(
    "touch-target",
    Severity.WARNING,
    why="A button lower than 44 pixels is hard to hit with a thumb (WCAG 2.5.5).",
    remedy="Give the button more inner padding.",
    bad='<td bgcolor="#23478f"><a href="https://a.example" style="display:inline-block;line-height:16px;padding:6px">Go</a></td>',
    good='<td bgcolor="#23478f"><a href="https://a.example" style="display:inline-block;line-height:20px;padding:13px">Go</a></td>',
)
def touch_target(mail: Mail) -> Iterator[Problem]:
    """A link drawn as a button is at least 44 pixels high."""
    for link in mail.links:
        style = link.get("style", "")
        padding = re.search(r"(?:^|;)\s*padding\s*:\s*([^;]+)", style)
        height = _line_height(style)
        if "inline-block" in style and padding and height:
            edges = [float(edge) for edge in re.findall(r"(\d+(?:\.\d+)?)px", padding[1])] or [0.0]
            total = height + edges[0] + (edges[2] if len(edges) > 2 else edges[0])
            if total < BUTTON:
                yield at(link, f"The button {shown(_name(link))} is {total:.0f} pixels high.")


def _line_height(style: str) -> float:
    pixels = re.search(r"line-height\s*:\s*(\d+(?:\.\d+)?)px", style)
    if pixels:
        return float(pixels[1])
    factor, size = (re.search(rf"{name}\s*:\s*(\d+(?:\.\d+)?)", style) for name in ("line-height", "font-size"))
    if not size:
        return 0.0
    return float(size[1]) * (float(factor[1].rstrip("%")) if factor and float(factor[1]) < 4 else 1.2)
