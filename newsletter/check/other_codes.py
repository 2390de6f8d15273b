"""What is reported besides the rules of the registry: by reading, ordering, composing and merging pages, and on request."""

from __future__ import annotations

from collections.abc import Mapping

MERGE_MISSING, SUBSCRIBER_REFUSED = "merge-missing", "subscriber-refused"

OTHER_CODES: Mapping[str, str] = {
    MERGE_MISSING: "A reader lacks a value that the page names without a default; that mail can't be made.",
    SUBSCRIBER_REFUSED: "`--subscribers`: rows that an import would refuse, so nobody there gets a mail.",
    "merge-lost": "A merge expression stands where nothing is mailed.",
    "quote-mended": "A quote of an attribute is missing, curly, or one too many; the tag is read as it was probably meant.",
    "merge-torn": "Braces open a merge expression that never closes; they are mailed as written.",
    "merge-foreign": "A merge tag of another system is mailed as written.",
    "template-broken": "A template of the project can't be rendered.",
    "next-broken": "A `next` link leads to no page of the series.",
    "next-cycle": "The `next` links go round in a circle, so no page is the last.",
    "page-unreached": "No `next` link leads to this page, so it follows after the others.",
    "page-unreadable": "The page can't be read, so it is never mailed.",
    "page-empty": "The page has nothing to read.",
    "title-missing": "The page has no title; its first heading is the subject.",
    "language-unknown": "The page's `lang` is no language tag, so the mail names another language.",
    "picture-broken": "A picture can't be read.",
    "picture-missing": "A picture is not in the project, so the mail takes it from the site, unchecked.",
    "picture-address": "A picture's address is none.",
    "picture-unpublished": "A picture had to be converted, and there is no address to publish the result at.",
    "picture-removed": "A picture without a usable address was removed.",
    "alt-placeholder": "An alternative text says nothing about its picture.",
    "link-removed": "A link to an address that mail clients refuse became plain text.",
    "element-removed": "An element that does not work in mail was removed.",
    "element-linked": "A video or frame became a link to it.",
    "hidden-removed": "What the site hides was left out.",
    "shortcode-removed": "A shortcode of the site can't be shown in a mail and was removed.",
    "shortcode-torn": "A shortcode never closes; the rest of its line was removed.",
    "formula-as-source": "A formula is shown as its source.",
    "drawing-as-source": "A drawing (Mermaid, PlantUML, Graphviz) is shown as its source.",
    "encoding-converted": "The file was not UTF-8 and was converted.",
    "file-left-out": "A file of the series is not read.",
    "translation-left-out": "A page in another language stands beside the one that is mailed.",
    "client-unsupported": "A mail client that counts does not support what the mail uses.",
    "client-partial": "A mail client that counts supports in part what the mail uses.",
    "golden-changed": "`--golden`: a mail has another shape than the one that was kept, though its page is the same.",
    "golden-outdated": "`--golden`: the page changed since its shape was kept, or no shape is kept.",
    "link-dead-online": "`--online`: a link of another site leads nowhere.",
    "link-unsure-online": "`--online`: a link of another site could not be judged.",
    "spam": "`--spam`: SpamAssassin would call the mail junk.",
    "spam-rule": "`--spam`: a reason for which SpamAssassin gives points.",
    "silence-idle": "A silence has nothing to silence.",
    "silence-without-reason": "A silence gives no reason, so it does not count.",
}
"""Code → what it says, in one sentence."""
