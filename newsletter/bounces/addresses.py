"""Finding addresses in what servers write."""

from __future__ import annotations

import re

_QUOTED = r"\"(?:[^\"\\\r\n]|\\.){1,64}\""
_ATOM = r"[^\s<>()\[\]{}:;,@\\\"`|*（）：；，。、【】《》「」“”‘’]{1,64}"
_DOMAIN = r"(?:\[[\d.]{7,15}\]|(?:[^\W_]|[-_])(?:[\w\-]|\.(?=[\w\-])){0,252})"
ADDRESS = rf"(?:{_QUOTED}|{_ATOM})@{_DOMAIN}"
_FIND = re.compile(ADDRESS)
_EAST_ASIAN = "[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]"
_JOINED_BEFORE = re.compile(rf"^{_EAST_ASIAN}+(?=[A-Za-z0-9])")
_JOINED_AFTER = re.compile(rf"(?<=[A-Za-z]{{2}}){_EAST_ASIAN}.*$")
"""Chinese, Japanese and Korean put no blank between an address and the words around it."""
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def find_addresses(text: str) -> list[str]:
    """The addresses in `text`, in order, without doubles."""
    found: dict[str, str] = {}
    for match in _FIND.finditer(text):
        address = clean(match.group())
        if address:
            found.setdefault(address.lower(), address)
    return list(found.values())


def clean(text: str) -> str:
    """One address out of `text` without the wrapping of mail software, or "".

    Takes off `rfc822;`, `SMTP:`, `mailto:`, brackets, source routes (`@relay:`), quotes around the whole, and
    trailing punctuation.
    """
    text = text.strip().strip("<>'`()[]{}*“”‘’ \t\r\n")
    text = re.sub(r"(?i)^(?:(?:rfc-?822|utf-8|x400|unknown|smtp|mailto|internet|ims|im)\s*[;:=]\s*)+", "", text)
    text = text.strip("<>'` \t").removeprefix("=")
    if text.startswith("@") and ":" in text:
        text = text.partition(":")[2]  # source route, RFC 5321 appendix F.2
    match = _FIND.search(text)
    if match is None:
        return ""
    address = match.group().strip("'`").rstrip(".-_").lstrip("-.=/&#")
    local, _, domain = address.rpartition("@")
    local, domain = _JOINED_BEFORE.sub("", local), _JOINED_AFTER.sub("", domain)
    if not local or not domain or ".." in domain or not re.search(r"\w", domain):
        return ""
    return f"{local}@{domain.lower()}"


def decode_xtext(text: str) -> str:
    """`+HH` of an ORCPT as the character it stands for (RFC 3461 §4).

    Only `+2B` and `+3D` and what is outside printable ASCII must be encoded, so `user+20off@…` in plain text is kept.
    """
    return _XTEXT.sub(lambda m: chr(int(m.group(1), 16)) if m.group(1) in ("2B", "3D") else m.group(), text)
