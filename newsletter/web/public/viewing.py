"""/v/TOKEN: the mail in the browser as it was sent, and /pictures/NAME: the pictures made for mails."""

from __future__ import annotations

import base64
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from newsletter.compose.counted_links import TOKEN_LENGTH
from newsletter.compose.email import Email
from newsletter.errors import DataError, StoreError, TemplateError
from newsletter.message.builder import MessageBuilder, identity_of
from newsletter.message.links import Purpose, Target
from newsletter.store.clicks import addresses_behind
from newsletter.store.emails import load_email
from newsletter.store.publications import sent_mail
from newsletter.store.subscribers import subscriber_by_id
from newsletter.subscriber import Subscriber
from newsletter.web.public.security import MAIL_POLICY
from newsletter.web.public.site import Site

_COUNTED = re.compile(rf'href="https?://[^"\s]{{1,300}}/l/([a-z2-7]{{{TOKEN_LENGTH}}})"')
_CID = re.compile(r"cid:([^\"'\s)>]+)")
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(png|jpe?g|gif)")
_MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif"}
MAIL_HEADERS = {"content-security-policy": MAIL_POLICY, "x-robots-tag": "noindex"}
YEAR = "public, max-age=31536000, immutable"


class ViewPages:
    """Shows mails. They come from the store by their hash, so they are what was sent, whatever the content is now."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def mail(self, request: Request) -> Response:
        """The HTML of one reader's mail, with their own values."""
        target = self.site.links.read(request.path_params["token"], Purpose.VIEW)
        html = await run_in_threadpool(self._html, target)
        if html is None:
            return self.site.problem(request, "problem_missing", status=404)
        return HTMLResponse(html, headers=MAIL_HEADERS)

    async def picture(self, request: Request) -> Response:
        """A picture made by composing. Its name holds the hash of its content, so it may be kept for ever."""
        name = request.path_params["name"]
        found = _PICTURE.fullmatch(name)
        path = self.site.settings.path(self.site.settings.pictures.cache) / name
        if found is None or not path.is_file() or path.is_symlink():
            return self.site.problem(request, "problem_missing", status=404)
        headers = {"cache-control": YEAR, "cross-origin-resource-policy": "cross-origin"}
        return FileResponse(path, media_type=_MEDIA_TYPES[found.group(1)], headers=headers)

    def _html(self, target: Target) -> str | None:
        with self.site.database.reading() as connection:
            sent = sent_mail(connection, target.delivery_id, target.subscriber_id)
            person = subscriber_by_id(connection, target.subscriber_id)
            if sent is None or person is None:
                return None
            email = load_email(connection, sent.email_hash)
        try:
            return html_of(self.site, email, sent.series, person.subscriber, target)
        except (TemplateError, DataError):
            return None  # their data have changed since: what was sent can't be made again


def html_of(site: Site, email: Email, series: str, subscriber: Subscriber, target: Target) -> str:
    """The HTML part of the mail to one reader, its embedded pictures inside it (RFC 2397).

    Raises TemplateError for a value the mail needs and the reader lacks, DataError for an address that is none.
    """
    body = built(site, email, series, subscriber, target).get_body(("html",))
    if body is None:
        raise StoreError("a mail without HTML is kept", where=email.content_hash)
    pictures = {
        picture.content_id: f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        for picture in email.embedded
    }
    html = _uncounted(site, str(body.get_content()))
    return _CID.sub(lambda found: pictures.get(found.group(1), found.group(0)), html)


def _uncounted(site: Site, html: str) -> str:
    """`html` with its counted links leading straight to where they lead.

    Whoever reads in the browser need not have got the mail (search engines read archives, people pass pages on), so a
    click there is none of that mail's.
    """
    tokens = set(_COUNTED.findall(html))
    if not tokens:
        return html
    with site.database.reading() as connection:
        addresses = addresses_behind(connection, tokens)

    def direct(link: re.Match[str]) -> str:
        return f'href="{escape(addresses[link[1]])}"' if link[1] in addresses else link[0]

    return _COUNTED.sub(direct, html)


def built(site: Site, email: Email, series: str, subscriber: Subscriber, target: Target) -> EmailMessage:
    """The whole mail to one reader, unsigned. Raises as `html_of` does."""
    builder = MessageBuilder(email, identity_of(site.settings, series), site.links, ())
    message = message_from_bytes(builder.build(subscriber, target, now=site.clock.now()).data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message
