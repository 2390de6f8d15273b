"""HTML → a tree in which only what a mail may hold is left: elements, attributes and addresses by whitelist."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from newsletter.content.allowed import (
    ATTRIBUTES,
    BLOCK,
    EVERYWHERE,
    INLINE,
    INTEGERS,
    LINK_SCHEMES,
    PICTURE_SCHEMES,
    PLAYERS,
    REMOVED,
    RENAMED,
    SEEN,
    STYLES,
)
from newsletter.content.shortcodes import site_path
from newsletter.content.slots import Slots
from newsletter.content.start_tags import is_useful
from newsletter.content.tree import Element, drop, is_visible, line_of, text_of, unwrap
from newsletter.errors import ContentError
from newsletter.finding import Finding, Severity

DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([\w#%.,() +-]{1,60})", re.IGNORECASE)
PLAIN_COLOUR = re.compile(r"#[0-9a-f]{3,8}|rgba?\([\d\s.,%/]+\)|(?!inherit|initial|unset|none|transparent)[a-z]+", re.I)
LIGHT = re.compile(
    r"#(?:[c-f][0-9a-f]?){3}|white|ivory|snow|whitesmoke|rgba?\(\s*2\d\d\s*,\s*2\d\d\s*,\s*2\d\d.*", re.I
)
"""A colour of letters that nobody reads on white."""
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
DOCUMENT_TAG = re.compile(r"</?(?:html|body)(?=[\s/>])[^<>]*>", re.IGNORECASE)
"""libxml2 stops reading at a `</body>`, and pages pasted from elsewhere have one in their midst."""
CDATA = re.compile(r"<!\[CDATA\[([\s\S]*?)\]\]>")
GHOST = "__GHOST_URL__"
"""What an export from Ghost writes where the address of the site belongs."""
HIDDEN = re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.IGNORECASE)
LAZY = ("data-src", "data-lazy-src", "data-original")
"""Where pages that load pictures late keep the address; `src` is a placeholder then."""
DEPTH = 100
"""Nesting at most; libxml2 silently drops what lies deeper than 256."""


@dataclass
class Markup:
    """Makes the tree of one page. `folder` is the page's folder below content."""

    path: str
    folder: str
    slots: Slots
    findings: list[Finding] = field(default_factory=list)
    _grounds: dict[Element, str] = field(default_factory=dict)

    def read(self, html: str) -> Element:
        """The cleaned `<body>` of `html`. Raises ContentError when it nests too deep to be read."""
        parser = etree.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")
        html = CDATA.sub(r"\1", DOCUMENT_TAG.sub("", html))
        root = etree.fromstring(f"<html><body>{html}</body></html>".encode(), parser)
        body = root.find("body") if root is not None else None
        if body is None:
            return etree.Element("body")
        if html.count("<") > DEPTH and body.xpath(f"boolean(//*[count(ancestor::*) > {DEPTH}])"):
            raise ContentError(
                f"The HTML of the page nests more than {DEPTH} levels deep.",
                where=self.path,
                remedy="Close the elements that are left open.",
            )
        for stray in root:
            if stray is not body:
                body.extend(stray)
        removed: dict[tuple[str, bool], tuple[int | None, int]] = {}
        gone: set[Element] = set()
        for element in list(body.iterdescendants()):
            if element in gone:
                continue
            self._hide(element)
            if element.tag in REMOVED:
                gone.update(element.iterdescendants())
            self._clean(element, removed)
        for (tag, is_linked), (line, count) in removed.items():
            self._report_removed(tag, line, count, is_linked=is_linked)
        self._report_lost_slots(body)
        self._restore(body)
        return body

    def _hide(self, element: Element) -> None:
        """What the site does not show is not mailed either; clients disagree on `display: none`."""
        shows = element.get("hidden") is None and not HIDDEN.search(element.get("style", ""))
        if shows or element.tag in REMOVED or not isinstance(element.tag, str):
            return
        element.tag = "template"
        if is_visible(text_of(element)):
            self._report(
                "hidden-removed",
                "The site hides this, so the mail leaves it out.",
                element,
                "Remove `hidden` or `display: none` if readers are to see it.",
            )

    def _clean(self, element: Element, removed: dict[tuple[str, bool], tuple[int | None, int]]) -> None:
        tag = element.tag
        if not isinstance(tag, str):
            drop(element)
            return
        if tag in RENAMED:
            tag = element.tag = RENAMED[tag]
        if tag in REMOVED:
            if tag in SEEN and element.get("type") != "hidden":
                key = (tag, self._stand_in(element, tag))
                line, count = removed.get(key, (line_of(element), 0))
                removed[key] = (line, count + 1)
            drop(element)
        elif tag not in INLINE and tag not in BLOCK:
            unwrap(element)
        else:
            self._clean_attributes(element, tag)

    def _stand_in(self, element: Element, tag: str) -> bool:
        """Put a link where a player was, with its poster as a picture; whether it says what it plays."""
        if tag not in PLAYERS:
            return False
        source = element.get("src") or next((child.get("src", "") for child in element.iter("source")), "")
        address = clean_address(source, LINK_SCHEMES)
        if not address or not address.startswith(("http:", "https:", "/")):
            return False
        line = {"data-line": element.get("data-line", "")}
        paragraph = etree.Element("p", line)
        link = etree.SubElement(paragraph, "a", {"href": address, **line})
        words = element.get("title", "").strip() or PLAYERS[tag]
        if poster := clean_address(element.get("poster", ""), PICTURE_SCHEMES):
            etree.SubElement(link, "img", {"src": poster, "alt": words, **line})
        else:
            link.text = words
        element.addprevious(paragraph)
        return True

    def _clean_attributes(self, element: Element, tag: str) -> None:
        allowed = ATTRIBUTES.get(tag, frozenset())
        attributes = element.attrib
        if tag == "img":
            _find_source(element)
        style = attributes.pop("style", "")
        if PLAIN_COLOUR.fullmatch(attributes.get("bgcolor", "")):
            self._grounds[element] = attributes["bgcolor"]
            style = f"background-color:{attributes['bgcolor']};{style}" if tag in ("td", "th") else style
        if tag == "span" and "color" in attributes:
            style = f"color:{attributes['color']};{style}"
        kept = {name: value for name, value in attributes.items() if name in allowed or name in EVERYWHERE}
        if len(kept) < len(attributes):
            attributes.clear()  # `del` refuses names that are not XML, which are the ones to be rid of
            attributes.update(kept)
        if "lang" in attributes and not LANGUAGE.fullmatch(attributes["lang"]):
            del attributes["lang"]
        if "dir" in attributes and attributes["dir"].lower() not in ("ltr", "rtl", "auto"):
            del attributes["dir"]
        for name in INTEGERS.intersection(attributes):
            if not re.fullmatch(r"\d{1,4}", attributes[name]):
                del attributes[name]
        self._clean_style(element, tag, style)
        if tag == "a":
            self._clean_link(element)
        elif tag == "img":
            self._clean_picture(element, style)

    def _clean_style(self, element: Element, tag: str, style: str) -> None:
        align = element.attrib.pop("align", "").strip(" ;").lower()
        declarations = {}
        if align in ("left", "right", "center", "justify") and tag != "img":
            declarations["text-align"] = align
        for part in style.split(";"):
            match = DECLARATION.fullmatch(part.strip())
            if match is None or "url(" in match[2] or "expression" in match[2].lower():
                continue
            name, value = match[1].lower(), match[2].strip()
            if name == "background" and PLAIN_COLOUR.fullmatch(value):
                name = "background-color"  # else the ground goes, and white letters stay on it
            if name in STYLES:
                declarations[name] = value
        if "background-color" in declarations:
            self._grounds[element] = declarations["background-color"]
        elif LIGHT.fullmatch(declarations.get("color", "")):
            # Light letters take their ground along: the cell it belongs to may only lay the page out, and goes.
            ground = next((self._grounds[above] for above in element.iterancestors() if above in self._grounds), None)
            declarations |= {"background-color": ground} if ground else {}
        if declarations and tag != "img":
            element.set("style", "; ".join(f"{name}: {value}" for name, value in declarations.items()))

    def _clean_link(self, element: Element) -> None:
        written = element.get("href")
        if written is None:
            return
        address = clean_address(written, LINK_SCHEMES)
        if not address:
            del element.attrib["href"]
            if written.strip():
                self._report(
                    "link-removed",
                    f"The link to {_short(written)} was removed; its text stays.",
                    element,
                    "Link to an http, https, mailto or tel address.",
                )
        elif re.match(r"[^:?#]+\.(md|markdown)(#|$)", address):
            element.set("href", site_path(address, self.folder))
        else:
            element.set("href", address)

    def _clean_picture(self, element: Element, style: str) -> None:
        written = element.get("src", "")
        address = clean_address(written, PICTURE_SCHEMES)
        if not address:
            self._report(
                "picture-removed",
                f"A picture without a usable address ({_short(written)}) was removed.",
                element,
                "Save the picture in static/ and write its path or https address in src.",
            )
            drop(element)
            return
        element.set("src", address)
        for name in ("width", "height"):
            size = shown_size(element.attrib.pop(name, ""), style, name)
            if size:
                element.set(name, size)
        alt = element.get("alt")
        if alt is not None:
            element.set("alt", " ".join(alt.split()))
            if alt.strip() and not is_useful(alt):
                self._report(
                    "alt-placeholder",
                    f"The alternative text {alt.strip()!r} says nothing about the picture.",
                    element,
                    'Say in a few words what the picture shows, or write alt="" if it only decorates.',
                )

    def _restore(self, body: Element) -> None:
        """Put the merge expressions back; code shows them as they are written."""
        restore = self.slots.restore
        code = {element for block in body.iter("pre", "code") for element in block.iter()}
        for element in body.iter():
            if element.text:
                element.text = (self.slots.show if element in code else restore)(element.text)
            if element.tail and element.getparent() in code:
                element.tail = self.slots.show(element.tail)
            elif element.tail:
                element.tail = restore(element.tail)
            for name, value in element.attrib.items():
                cleaned = restore(value)
                if cleaned != value:
                    element.set(name, cleaned)

    def _report_lost_slots(self, body: Element) -> None:
        if not self.slots.expressions:
            return
        kept = {number for _, number in self.slots.pattern.findall(etree.tostring(body, encoding="unicode"))}
        for index, expression in enumerate(self.slots.expressions):
            if str(index) not in kept:
                self.findings.append(
                    Finding(
                        "merge-lost",
                        Severity.WARNING,
                        f"The merge expression {_short(expression)} stands where nothing is mailed.",
                        self.path,
                        self.slots.lines[index],
                        "Put it into text or into a quoted href, src or alt.",
                    )
                )

    def _report_removed(self, tag: str, line: int | None, count: int, *, is_linked: bool) -> None:
        times = f" ({count} times)" if count > 1 else ""
        if is_linked:
            said, remedy = f"<{tag}> does not work in mail, so a link stands in its place{times}.", "See that it fits."
            self.findings.append(Finding("element-linked", Severity.INFO, said, self.path, line, remedy))
            return
        said = f"<{tag}> does not work in mail and was removed{times}."
        remedy = "Put a picture or a link in its place."
        self.findings.append(Finding("element-removed", Severity.WARNING, said, self.path, line, remedy))

    def _report(self, code: str, message: str, element: Element, remedy: str) -> None:
        self.findings.append(Finding(code, Severity.WARNING, message, self.path, line_of(element), remedy))


BARE_HOST = re.compile(r"www\.[\w-]+\.[\w.-]+(?:[:/?#]|\Z)", re.IGNORECASE)
BARE_MAILBOX = re.compile(r"[\w.+-]+@(?!\dx\.)[\w-]+(?:\.[\w-]+)+")
"""What a browser would look for in the page's own folder, and nobody has ever meant so."""


def clean_address(written: str, schemes: frozenset[str]) -> str:
    """An address that can't run anything, or "". Browsers ignore blanks and line ends inside a scheme."""
    address = re.sub(r"[\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff]", "", written).strip()
    scheme = SCHEME.match(re.sub(r"\s", "", address).replace("&colon;", ":"))
    if scheme and scheme[1].lower() not in schemes:
        return ""
    if not scheme:
        address = address.replace("\\", "/")
        address = re.sub(rf"\A{GHOST}(?=(/?))", lambda ghost: "" if ghost[1] else "/", address)
    if address.startswith("//"):
        address = "https:" + address
    elif BARE_HOST.match(address):
        address = "https://" + address
    elif "mailto" in schemes and BARE_MAILBOX.fullmatch(address):
        address = "mailto:" + address
    return re.sub(r"\s", "%20", address)


def _find_source(image: Element) -> None:
    """Give a picture that is loaded late, or only listed in `srcset`, the address it is shown from."""
    late = next((image.get(name) for name in LAZY if clean_address(image.get(name, ""), PICTURE_SCHEMES)), None)
    if late:
        image.set("src", late)
        spare = image.getnext()
        if spare is not None and spare.tag == "noscript":
            spare.tag = "template"  # the same picture for readers without scripts; it would be shown twice
    elif not image.get("src", "").strip() and image.get("srcset", "").strip():
        image.set("src", image.get("srcset", "").split()[0].rstrip(","))


def shown_size(attribute: str, style: str, name: str) -> str:
    """A width or height as `N` (CSS pixels) or `N%`; the style counts more, as in a browser."""
    declared = re.search(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", style, re.IGNORECASE)
    for value in (declared[1] if declared else "", attribute):
        match = re.fullmatch(r"\s*(\d{1,5}(?:\.\d+)?)\s*(px|%|)\s*(?:!important)?\s*", value, re.IGNORECASE)
        if match and (number := round(float(match[1]))):
            return f"{min(number, 100)}%" if match[2] == "%" else str(number)
    return ""


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else shown[:57] + "…")
