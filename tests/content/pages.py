"""Pages as their authors write them, for the tests of this room."""

from __future__ import annotations

from lxml import etree

from newsletter.content.page import Page
from newsletter.content.reader import parse_page

FOOTER = """<table border="0" cellpadding="0" cellspacing="0" width="600" id="templateColumns">
    <tr>
        <td align="center" valign="top" width="50%" class="templateColumnContainer">
            <table border="0" cellpadding="10" cellspacing="0" height="100%" width="100px">
                <tr>
                    <td class="leftColumnContent">
                      <a href="https://boats.example.org">
                        <img src="/uploads/dash.png" class="columnImage" />
                    </td>
                </tr>
            </table>
        </td>
        <td align="center" valign="top" width="50%" class="templateColumnContainer">
            <table border="0" cellpadding="10" cellspacing="0" height="100%" width="100px">
                <tr>
                    <td class="rightColumnContent">
                      <a href="https://bakers.example.org">
                        <img src="/uploads/random.png" class="columnImage" />
                    </td>
            </table>
        </td>
    </tr>
</table>"""

MESSY = (
    """---
title: Knots and  Lines
include_footer: true

---
<figure>
    <img src='/uploads/knots.jpg' style="width: 90%;height: 90%;" align="middle"; alt='alt'; alt='a bowline on a pier';/>
    <figcaption>A bowline.  Photo: <a href="https://photos.example.org/7" >A. Sailor</a>.</figcaption>
</figure>
<p>
The first knot holds.

The second one slips.

<br>
<a href="https://example.org/boats/sails">next: reading the sails</a>
</p>
"""
    + FOOTER
)
"""The form of the real pages: doubled alt, `;` between attributes, paragraphs parted by blank lines, no `</a>`, no `</tr>`."""


def page(body: str, *, front: str = "title: Knots", path: str = "boats/knots.md") -> Page:
    """The page with this body."""
    return parse_page(f"---\n{front}\n---\n{body}".encode(), path=path, series="boats")


def tree(article: str) -> etree._Element:
    """The article as XML; raises when it is not well-formed."""
    return etree.fromstring(f"<article>{article}</article>")


def plain(article: str) -> str:
    """The article without line numbers."""
    root = tree(article)
    for element in root.iter():
        element.attrib.pop("data-line", None)
    return (
        etree.tostring(root, encoding="unicode")
        .removeprefix("<article>")
        .removesuffix("</article>")
        .replace("<article/>", "")
    )
