"""Every tag and attribute of MJML: mrml passes unknown ones on in silence, so a typing mistake would be mailed.

From the MJML documentation (documentation.mjml.io, MJML 4.15) less what mrml doesn't have.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EVERYWHERE = "css-class mj-class"
_PADDING = "padding padding-top padding-right padding-bottom padding-left container-background-color"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_INNER = "inner-border inner-border-top inner-border-right inner-border-bottom inner-border-left inner-border-radius"
_BACKGROUND = "background-color background-url background-repeat background-size background-position background-position-x background-position-y"
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-align text-decoration text-transform"
_LINK = "href name rel target title"
_SECTION = f"{_PADDING} {_BORDER} {_BACKGROUND} direction full-width text-align text-padding"
_ICON = "icon-align icon-height icon-position icon-size icon-width icon-padding icon-unwrapped-alt icon-unwrapped-url icon-wrapped-alt icon-wrapped-url"

_BODY = {
    "mj-body": "background-color width",
    "mj-wrapper": _SECTION,
    "mj-section": _SECTION,
    "mj-group": "background-color direction vertical-align width",
    "mj-column": f"{_PADDING} {_BORDER} {_INNER} background-color inner-background-color direction vertical-align width",
    "mj-text": f"{_PADDING} {_FONT} align height vertical-align",
    "mj-button": f"{_PADDING} {_BORDER} {_FONT} {_LINK} align background-color height inner-padding vertical-align width",
    "mj-image": f"{_PADDING} {_BORDER} {_LINK} align alt fluid-on-mobile font-size height max-height src srcset usemap width",
    "mj-divider": f"{_PADDING} align border-color border-style border-width width",
    "mj-spacer": f"{_PADDING} height vertical-align",
    "mj-table": f"{_PADDING} {_FONT} align cellpadding cellspacing border table-layout vertical-align width",
    "mj-hero": f"{_PADDING} {_BACKGROUND} background-height background-width border-radius height inner-background-color inner-padding mode vertical-align width",
    "mj-navbar": f"{_PADDING} align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size ico-line-height ico-open ico-padding ico-padding-top ico-padding-right ico-padding-bottom ico-padding-left ico-text-decoration ico-text-transform",
    "mj-navbar-link": f"{_PADDING} {_FONT} {_LINK}",
    "mj-social": f"{_PADDING} {_FONT} align border-radius {_ICON} inner-padding mode table-layout text-padding vertical-align",
    "mj-social-element": f"{_PADDING} {_FONT} {_LINK} {_ICON} align alt background-color border-radius src text-padding vertical-align",
    "mj-accordion": f"{_PADDING} border font-family {_ICON}",
    "mj-accordion-element": f"background-color border font-family {_ICON}",
    "mj-accordion-title": f"{_PADDING} background-color color font-family font-size font-weight",
    "mj-accordion-text": f"{_PADDING} background-color color font-family font-size font-weight letter-spacing line-height",
    "mj-carousel": f"{_PADDING} align border-radius icon-width left-icon right-icon tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width thumbnails",
    "mj-carousel-image": f"{_LINK} alt src thumbnails-src border-radius tb-border tb-border-radius",
    "mj-raw": "",
}
_HEAD = {
    "mjml": "lang dir owa",
    "mj-head": "",
    "mj-title": "",
    "mj-preview": "",
    "mj-attributes": "",
    "mj-all": f"{_PADDING} {_FONT} {_BORDER} align background-color direction vertical-align width",
    "mj-class": "*",
    "mj-breakpoint": "width",
    "mj-font": "name href",
    "mj-style": "",
    "mj-include": "",
}
ATTRIBUTES: dict[str, frozenset[str]] = {tag: _words(f"{names} {_EVERYWHERE}") for tag, names in _BODY.items()} | {
    tag: _words(names) for tag, names in _HEAD.items()
}
"""Tag → the attributes it may have; `*` for any. mj-style inline and mj-include are missing on purpose: mrml
emits the first as it is, and Jinja includes take the place of the second."""

_CONTENT = _words(
    "mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-hero mj-navbar mj-social mj-accordion mj-carousel mj-raw"
) - {"mj-hero"}
CHILDREN: dict[str, frozenset[str]] = {
    "mjml": _words("mj-head mj-body"),
    "mj-head": _words("mj-title mj-preview mj-attributes mj-breakpoint mj-font mj-style mj-raw"),
    "mj-body": _words("mj-wrapper mj-section mj-hero mj-raw"),
    "mj-wrapper": _words("mj-section mj-hero mj-raw"),
    "mj-section": _words("mj-column mj-group mj-raw"),
    "mj-group": _words("mj-column mj-raw"),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-navbar": _words("mj-navbar-link mj-raw"),
    "mj-social": _words("mj-social-element mj-raw"),
    "mj-accordion": _words("mj-accordion-element mj-raw"),
    "mj-accordion-element": _words("mj-accordion-title mj-accordion-text mj-raw"),
    "mj-carousel": _words("mj-carousel-image mj-raw"),
    "mj-attributes": frozenset(ATTRIBUTES),
}
"""Tag → the tags that may stand in it. A tag that is not a key here holds HTML or text, which is not looked into."""
