"""CSS → style attributes, for clients that drop style sheets (Gmail for accounts of other providers).

premailer is dormant, so it is kept behind this one function. It gets the article only, as a tree: MJML styles its
own output inline, and on a whole document premailer drops a lower-case DOCTYPE, bends addresses that hold braces
and costs four times as much.
"""

from __future__ import annotations

import logging
from typing import Any

from premailer import Premailer

ATTRIBUTES_LEFT_ALONE = ["width", "height", "align", "valign", "bgcolor"]
"""premailer would turn `width:100%` into `width="100%"`, which Outlook takes for the picture's own width."""


def inline(tree: Any, css: str) -> None:
    """Write the rules of `css` into the style attributes of the lxml element `tree` and everything below it.

    An author's own style attribute wins over a rule. Rules that can't be inlined (`@media`, `:hover`) are
    left out; they belong into the style sheet of the head. Nothing is fetched.
    """
    Premailer(
        tree,
        css_text=css,
        disable_leftover_css=True,
        strip_important=False,
        allow_network=False,
        disable_link_rewrites=True,
        disable_validation=True,
        disable_basic_attributes=ATTRIBUTES_LEFT_ALONE,
        align_floating_images=False,
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
