"""CSS → style attributes, for clients that drop style sheets (Gmail for accounts of other providers).

premailer is dormant, so it is kept behind this one function. It gets the article only, as a tree: MJML styles its
own output inline, and on a whole document premailer drops a lower-case DOCTYPE, bends addresses that hold braces
and costs four times as much.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from premailer import Premailer
from premailer.premailer import cssutils

ATTRIBUTES_LEFT_ALONE = ["width", "height", "align", "valign", "bgcolor"]
"""premailer would turn `width:100%` into `width="100%"`, which Outlook takes for the picture's own width."""

OPTIONS: dict[str, Any] = {
    "disable_leftover_css": True,
    "strip_important": False,
    "allow_network": False,
    "disable_link_rewrites": True,
    "disable_validation": True,
    "disable_basic_attributes": ATTRIBUTES_LEFT_ALONE,
    "align_floating_images": False,
}

# For the whole process: cssutils would tell stderr of each property it doesn't know, and write #ffffff as #fff,
# which IBM Notes takes for another colour.
cssutils.log.setLevel(logging.CRITICAL)
cssutils.ser.prefs.minimizeColorHash = False


def inline(tree: Any, css: str) -> None:
    """Write the rules of `css` into the style attributes of the lxml element `tree` and everything below it.

    An author's own style attribute wins over a rule. Rules that can't be inlined (`@media`, `:hover`) are
    left out; they belong into the style sheet of the head. Nothing is fetched.
    """
    _Inliner(tree, css_text=css, **OPTIONS).transform(pretty_print=False)


class _Inliner(Premailer):  # type: ignore[misc]
    """premailer remembers a parsed sheet, yet writes each of its rules out anew for each document: 20 ms of 23."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> Any:
        return _rules(css_body, ruleset_index)


@lru_cache(maxsize=16)
def _rules(css: str, ruleset_index: int) -> Any:
    return Premailer("<p/>", **OPTIONS)._parse_style_rules(css, ruleset_index)
