"""An email: a page composed for mailing, its merge slots still open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from newsletter.finding import Finding


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture that travels inside the message (RFC 2392).

    `content_id` is without angle brackets and stands in the HTML as `cid:content_id`; `media_type` is
    `image/png`, `image/jpeg` or `image/gif`.
    """

    content_id: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class PublishedPicture:
    """A picture made from the author's (SVG drawn, large one scaled) that must be put on the web.

    It is linked as `<pictures_url>/<name>`; `name` holds the content hash.
    """

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Email:
    """A page composed for mailing.

    `subject`, `preheader`, `html` and `text` are sandboxed Jinja2 templates in the merge language: whatever was
    known at compose time is already filled in and what looks like a template by accident is escaped. In `html`,
    expressions carry the filter of the place they stand in (`|href` for a whole address, `|url` for a part of
    one); everywhere else the HTML is autoescaped. `subject` and `text` are not.
    `html` is one complete document with LF line ends, `text` is wrapped at 72 columns with LF line ends.
    """

    series: str
    page_id: str
    slug: str
    subject: str
    preheader: str
    html: str
    text: str
    lang: str
    direction: str
    embedded: tuple[EmbeddedPicture, ...] = ()

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) over everything that is mailed."""
        digest = sha256()
        for part in (
            self.series,
            self.page_id,
            self.subject,
            self.preheader,
            self.html,
            self.text,
            self.lang,
        ):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        for picture in self.embedded:
            digest.update(picture.content_id.encode() + sha256(picture.data).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Composition:
    """An email with what composing it brought to light."""

    email: Email
    published: tuple[PublishedPicture, ...] = ()
    findings: tuple[Finding, ...] = ()
