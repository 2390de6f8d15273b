"""What the columns of other senders say about whether a person may be mailed.

The words are those of the exports of Mailchimp, Substack, listmonk, Ghost, Kit, Beehiiv, Brevo, Keila and Mailtrain,
and the usual ones of spreadsheets in English, German, French and Spanish. Where one word means two things (`inactive`
is unsubscribed at Beehiiv and unconfirmed at Kit), the meaning that mails nobody for longer is taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import Enum

from newsletter.errors import DataError
from newsletter.suppression import Reason


class Standing(Enum):
    """Where a person stood with the sender they come from, from harmless to grave."""

    MAILABLE = 0
    UNCONFIRMED = 1
    BOUNCED = 2
    BLOCKED = 3
    UNSUBSCRIBED = 4
    COMPLAINED = 5

    @property
    def reason(self) -> Reason | None:
        """Why they are suppressed here; None for whom there is no suppression."""
        return _REASONS.get(self)


_REASONS = {
    Standing.BOUNCED: Reason.BOUNCED,
    Standing.BLOCKED: Reason.BLOCKED,
    Standing.UNSUBSCRIBED: Reason.UNSUBSCRIBED,
    Standing.COMPLAINED: Reason.COMPLAINED,
}


def squeeze(name: str) -> str:
    """A name without case, accents, blanks and signs: `E-Mail Address` → `emailaddress`."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in plain if sign.isalnum())


def words(text: str) -> frozenset[str]:
    """The words of a vocabulary, each as `squeeze` leaves it."""
    return frozenset(squeeze(word) for word in text.split())


WORDS: Mapping[Standing, frozenset[str]] = {
    Standing.MAILABLE: words(
        "subscribed active enabled confirmed valid optedin optin ok on 1 true yes member cold singleoptin doubleoptin "
        "aktiv angemeldet bestatigt abonne inscrit actif confirme suscrito activo confirmado"
    ),
    Standing.UNCONFIRMED: words(
        "unconfirmed notconfirmed pending waiting validating unverified needsattention needsconfirmation transactional "
        "nonsubscribed neversubscribed notsubscribed nonsubscriber ausstehend unbestatigt enattente nonconfirme "
        "pendiente sinconfirmar"
    ),
    Standing.BOUNCED: words(
        "bounced bounce hardbounced hardbounce softbounced softbounce cleaned invalid undeliverable unreachable 3 "
        "ungultig unzustellbar invalide rebotado"
    ),
    Standing.BLOCKED: words(
        "blocklisted blacklisted blocked suppressed banned suspended gesperrt blockiert bloque bloqueado"
    ),
    Standing.UNSUBSCRIBED: words(
        "unsubscribed unsubscribe unsub optedout optout cancelled canceled inactive disabled removed deleted archived "
        "paused off no 0 false 2 left abgemeldet ausgetragen inaktiv deaktiviert geloscht desinscrit desabonne inactif "
        "desactive baja dadodebaja cancelado inactivo desuscrito"
    ),
    Standing.COMPLAINED: words("complained complaint spam junk abuse reported markedasspam spamreport 4"),
}
_STANDING_OF_WORD = {word: standing for standing, vocabulary in WORDS.items() for word in vocabulary}

STATUS_COLUMNS = words(
    "status subscriptionstatus subscriberstatus subscribestatus contactstatus memberstatus emailstatus mailstatus "
    "emailpermissionstatus emailmarketing emailmarketingstatus marketingstatus emailsubscriptionstatus subscription etat statut estado "
    "estatus"
)
"""Columns that hold a word. `state` is not among them: see `AMBIGUOUS_COLUMNS`."""

AMBIGUOUS_COLUMNS = frozenset({"state", "etat", "estado", "subscription", "reason"})
"""May be the part of a country or a plan: a status only where each value seen is a known word. `reason` is that of a list
of suppressions, ours or Amazon's, which somebody takes for a list of subscribers."""

LEFT_COLUMNS: Mapping[str, Standing] = {
    **dict.fromkeys(
        words(
            "unsubscribed isunsubscribed unsubscribedat unsubscribetime unsubtime unsubscribeddate unsubscribedate "
            "unsubscribedon dateunsubscribed optedout optedoutat optout optoutat emailoptout hasoptedoutofemail optouttime "
            "optoutdate donotemail emaildisabled disabled cancelledat canceledat deletedat abgemeldet abgemeldetam "
            "desinscrit dadodebaja"
        ),
        Standing.UNSUBSCRIBED,
    ),
    **dict.fromkeys(
        words(
            "blacklisted isblacklisted blacklistedat emailblacklisted emailblacklist blocklisted isblocklisted "
            "blocklistedat emailblocklisted emailblocklist blocked isblocked suppressed"
        ),
        Standing.BLOCKED,
    ),
    **dict.fromkeys(
        words(
            "bounced isbounced bouncedat hardbounced hardbouncedat hardbounce cleaned cleanedat cleantime undeliverable "
            "invalidemail invalidemailaddress emailhardbouncereason hardbouncereason"
        ),
        Standing.BOUNCED,
    ),
    **dict.fromkeys(words("complained complainedat spam markedasspam spamcomplaint"), Standing.COMPLAINED),
}
"""Columns in which any answer but no says that the person left: `true`, `1`, a date."""

STAYS_COLUMNS: Mapping[str, Standing] = {
    **dict.fromkeys(
        words(
            "subscribed issubscribed subscribedtoemails emailsubscribed emailenabled acceptsemailmarketing "
            "acceptsmarketing isactive receivesemails enabled optin optedin emailoptin newsletteroptin marketingoptin "
            "marketingconsent emailmarketingconsent emailconsent consent angemeldet abonne suscrito"
        ),
        Standing.UNSUBSCRIBED,
    ),
    **dict.fromkeys(words("confirmed isconfirmed"), Standing.UNCONFIRMED),
}
"""Columns in which no says that the person left. Substack's `active_subscription` is not one: it is about paying."""

_LEFT_NAME = re.compile(
    r"(?:is|has|e?mail|contact|subscriber|globally)*"
    r"(?:(?P<blocked>blacklist|blocklist|suppress|donotcontact)|(?P<bounced>bounced|hardbounce|undeliverable)|"
    r"(?P<complained>complain|spamcomplain|markedasspam)|(?P<left>unsubscrib|unsub|optedout|optout|donote?mail))"
    r"(?!.*(?:reason|campaign|title|url|link|token|count|rate|number|ip|source|other|id)$)"
)
"""Other names of such columns: `Unsubscribed from all email`, `Email opt-out date`; not `Unsubscribe reason`."""

_NO = frozenset(
    {"", "0", "false", "no", "n", "f", "off", "nein", "non", "null", "none", "nil", "never", "na", "00000000"}
)
_NO_DATE = re.compile(r"0000-00-00([ T]00:00:00.*)?")


_MEANT = {
    "blocked": Standing.BLOCKED,
    "bounced": Standing.BOUNCED,
    "complained": Standing.COMPLAINED,
    "left": Standing.UNSUBSCRIBED,
}


def is_no(cell: str) -> bool:
    """Whether a cell says no: empty, `false`, `0`, a date of zeros …"""
    return squeeze(cell) in _NO or bool(_NO_DATE.fullmatch(cell.strip()))


def is_status(cell: str) -> bool:
    """Whether a cell holds a word that statuses are made of, or nothing."""
    return not cell.strip() or squeeze(cell) in _STANDING_OF_WORD


def read_word(cell: str) -> Standing:
    """What a status column says. An empty cell says nothing against mailing.

    Raises DataError for a word that is not known: guessing would mail somebody who left.
    """
    word = squeeze(cell)
    if not word:
        return Standing.MAILABLE
    if word not in _STANDING_OF_WORD:
        raise DataError(f"its status {cell.strip()!r} is not known; rename the column if it is not about mail")
    return _STANDING_OF_WORD[word]


def reader_of(column: str) -> Callable[[str], Standing] | None:
    """How to read the column, or None when it says nothing about mailing."""
    name = squeeze(column)
    if name in STATUS_COLUMNS or name in AMBIGUOUS_COLUMNS:
        return read_word
    if name in LEFT_COLUMNS:
        left = LEFT_COLUMNS[name]
        return lambda cell: Standing.MAILABLE if is_no(cell) else left
    if (found := _LEFT_NAME.match(name)) is not None:
        meant = _MEANT[str(found.lastgroup)]
        return lambda cell: Standing.MAILABLE if is_no(cell) else meant
    if name in STAYS_COLUMNS:
        return lambda cell: _stays(cell, STAYS_COLUMNS[name])
    return None


def _stays(cell: str, otherwise: Standing) -> Standing:
    if not cell.strip():
        return Standing.UNCONFIRMED  # neither a yes, so no mail, nor a no, so no suppression
    return otherwise if is_no(cell) else Standing.MAILABLE


_FILE = re.compile(r"(subscribed|unsubscribed|cleaned|nonsubscribed|bounced|blocklisted)(?![a-z])", re.IGNORECASE)


def standing_of_file(name: str) -> Standing:
    """What the name of a file says about all its rows: Mailchimp writes one file for each status."""
    found = _FILE.match(name)
    return read_word(found.group(1)) if found else Standing.MAILABLE
