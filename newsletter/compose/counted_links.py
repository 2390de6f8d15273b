"""Links whose clicks are counted: the same address for every reader, so that no click says who clicked."""

from __future__ import annotations

import re
from base64 import b32encode
from dataclasses import dataclass, replace
from hashlib import sha256
from html import unescape
from urllib.parse import urlsplit

from newsletter.compose.email import Email

TOKEN_LENGTH = 26

_LINK = re.compile(
    r"""(?P<start><a\s(?:[^>"]|"[^"]*")*?href=")(?P<url>https?://[!-~]+?)(?P<end>"(?:[^>"]|"[^"]*")*>)(?P<shown>.*?)</a>""",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")
_ADDRESS_SHOWN = re.compile(r"https?://|www\.|^[\w-]+(?:\.[\w-]+)+(?:[/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class CountedLink:
    """A link of one page in one campaign. `token` stands in the mail, `url` is where it leads, `position` counts from 1."""

    token: str
    page_id: str
    position: int
    url: str


def with_counted_links(email: Email, campaign: str, web_url: str) -> tuple[Email, tuple[CountedLink, ...]]:
    """`email` with its links leading over `{web_url}/l/TOKEN`, and what each of them stands for.

    Left as they are: links with a merge slot (to unsubscribe, to preferences, to the mail in the browser, to a reader's own
    address), since nothing of theirs may be counted; links that show an address, since another one behind it is what
    phishing looks like; all that is not http; and the plain text. One address is one link, however often it stands there.
    """
    links: dict[str, CountedLink] = {}

    def counted(found: re.Match[str]) -> str:
        url = unescape(found["url"])
        shown = unescape(_TAG.sub("", found["shown"])).strip()
        if "{" in url or _ADDRESS_SHOWN.search(shown) or url.startswith(f"{web_url}/") or not urlsplit(url).netloc:
            return found[0]
        link = links.setdefault(
            url, CountedLink(_token(campaign, email.page_id, url), email.page_id, len(links) + 1, url)
        )
        return f"{found['start']}{web_url}/l/{link.token}{found['end']}{found['shown']}</a>"

    html = _LINK.sub(counted, email.html)
    return replace(email, html=html), tuple(links.values())


def _token(campaign: str, page_id: str, url: str) -> str:
    """The same for all readers and each time the page is composed; it says only what the mail itself shows."""
    digest = sha256("\0".join((campaign, page_id, url)).encode()).digest()
    return b32encode(digest).decode().lower()[:TOKEN_LENGTH]
