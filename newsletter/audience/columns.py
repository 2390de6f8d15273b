"""Recognising columns by their names, in any case, order and in the usual languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.audience.attributes import attribute_key
from newsletter.audience.statuses import (
    AMBIGUOUS_COLUMNS,
    Standing,
    is_status,
    reader_of,
    squeeze,
    words,
)
from newsletter.errors import DataError

EMAIL = words(
    "email emailaddress mail mailaddress emails useremail subscriberemail contactemail memberemail primaryemail emailid "
    "emailadresse mailadresse emailadress adresseemail adressemail adresseelectronique adressedemessagerie courriel mel "
    "correo correoelectronico direccionemail direcciondecorreo direcciondecorreoelectronico emailadres indirizzoemail "
    "indirizzomail enderecoemail enderecodeemail correioeletronico epost epostadress epostadresse "
    "sahkoposti adresemail adreseemail eposta email1value email1 emailaddress1 メールアドレス メール 電子メール 邮箱 电子邮件 "
    "電子郵件 почта электроннаяпочта адресэлектроннойпочты имейл"
)
FULL_NAME = words(
    "name fullname displayname subscribername contactname membername yourname nom nombre nome naam namn navn imie "
    "vollername vollstandigername nomcomplet nomprenom prenomnom nombrecompleto nombreyapellidos nomecompleto "
    "volledigenaam имя 名前 氏名 姓名"
)
FIRST_NAME = words(
    "firstname fname first forename givenname vorname prenom nombre nome voornaam fornamn fornavn primernombre имя"
)
LAST_NAME = words(
    "lastname lname last surname familyname secondname nachname familienname zuname nom nomdefamille apellido apellidos "
    "cognome sobrenome achternaam efternamn etternavn фамилия"
)
ZONE = words("timezone tz zone zeitzone fuseauhoraire fusohorario zonahoraria tijdzone fusoorario")
LANG = words("lang language locale preferredlanguage sprache langue idioma taal lingua")
TAGS = words("tags tag labels label lists list listnames segments schlagworter etiquettes etiquetas")
JSON = words("attributes data attribs customfields customdata attributesjson")
OPTED_IN = words("confirmtime confirmedat optintime optinat optindate subscribedat subscribedon")


@dataclass(frozen=True)
class Columns:
    """Which column holds what: positions, None where there is none. The rest are attributes: (position, key)."""

    email: int
    name: int | None
    first_name: int | None
    last_name: int | None
    zone: int | None
    lang: int | None
    opted_in: int | None
    tags: tuple[int, ...]
    json: tuple[int, ...]
    statuses: tuple[tuple[int, Callable[[str], Standing]], ...]
    attributes: tuple[tuple[int, str], ...]


def is_header(cells: Sequence[str]) -> bool:
    """Whether a record is a header: one of its cells names a column of addresses, and none is an address."""
    names = [squeeze(cell) for cell in cells]
    if any("@" in cell for cell in cells):
        return False
    return any(name in EMAIL for name in names) or any(_tells_of_addresses(name) for name in names)


def recognise(header: Sequence[str], sample: Sequence[Sequence[str]]) -> Columns:
    """Say what each column holds; `sample` are records for what the name alone leaves open.

    Raises DataError when more than one column may hold the address.
    """
    names = [squeeze(cell) for cell in header]
    email = _email_column(header, names, sample)
    first = _first(names, FIRST_NAME - {"nombre", "nome", "имя"})
    last = _first(names, LAST_NAME - {"nom"})
    if first is None and last is not None:  # Nombre, Apellidos; Имя, Фамилия
        first = _first(names, FIRST_NAME)
    if first is not None and last is None:  # Prénom, Nom; Vorname, Name
        last = _first(names, {"nom"}) if names[first] == "prenom" else None
        if last is None and names[first] in ("vorname", "voornaam"):
            last = _first(names, {"name", "naam"})
    taken = {email, first, last}
    name = next((at for at, item in enumerate(names) if item in FULL_NAME and at not in taken), None)
    statuses = tuple(
        (at, reader)
        for at, item in enumerate(names)
        if at not in taken
        and (reader := reader_of(header[at]))
        and not _is_something_else(at, item, sample)
        and not _is_unused(at, item, sample)
    )
    zone, lang, opted_in = _first(names, ZONE), _first(names, LANG), _first(names, OPTED_IN)
    tags = tuple(at for at, item in enumerate(names) if item in TAGS)
    json = tuple(at for at, item in enumerate(names) if item in JSON)
    known = {email, name, zone, lang, opted_in, *tags, *json, *(at for at, _ in statuses)}
    return Columns(
        email,
        name,
        first,
        last,
        zone,
        lang,
        opted_in,
        tags,
        json,
        statuses,
        _attributes(header, names, known, first, last),
    )


def _email_column(header: Sequence[str], names: Sequence[str], sample: Sequence[Sequence[str]]) -> int:
    exact = [at for at, name in enumerate(names) if name in EMAIL]
    if exact and all(_says_the_same(record, exact) for record in sample):
        return next((at for at in exact if any("@" in record[at] for record in sample if at < len(record))), exact[0])
    maybe = exact or [at for at, name in enumerate(names) if _tells_of_addresses(name)]
    filled = [at for at in maybe if any("@" in record[at] for record in sample if at < len(record))]
    if len(filled or maybe) > 1:
        columns = ", ".join(repr(header[at]) for at in filled or maybe)
        raise DataError(f"has more than one e-mail column: {columns}", remedy="Name the one to be used email.")
    return (filled or maybe)[0]


def _says_the_same(record: Sequence[str], columns: Sequence[int]) -> bool:
    return len({record[at].strip().lower() for at in columns if at < len(record) and "@" in record[at]}) < 2


def _tells_of_addresses(name: str) -> bool:
    """`Work e-mail (required)` does; `Email disabled` and `Emails opened` don't."""
    if reader_of(name) is not None or "emails" in name:
        return False
    return name.startswith(("emailaddress", "emailadresse")) or name.endswith(
        ("email", "emailaddress", "emailrequired")
    )


def _is_something_else(at: int, name: str, sample: Sequence[Sequence[str]]) -> bool:
    if name not in AMBIGUOUS_COLUMNS:
        return False
    return not all(is_status(record[at]) for record in sample if at < len(record))


def _is_unused(at: int, name: str, sample: Sequence[Sequence[str]]) -> bool:
    """Brevo exports OPT_IN for everybody, also where it was never used: then it says nothing about anybody."""
    return name == "optin" and bool(sample) and not any(record[at].strip() for record in sample if at < len(record))


def _first(names: Sequence[str], wanted: frozenset[str] | set[str]) -> int | None:
    return next((at for at, name in enumerate(names) if name in wanted), None)


def _attributes(
    header: Sequence[str], names: Sequence[str], known: set[int | None], first: int | None, last: int | None
) -> tuple[tuple[int, str], ...]:
    """Each other column with its key. Names of a person go by their English keys, so that templates can rely on them."""
    attributes: list[tuple[int, str]] = []
    used: set[str] = set()
    for at, column in enumerate(header):
        if at in known:
            continue
        key = {first: "first_name", last: "last_name"}.get(at) or attribute_key(column) or f"column_{at + 1}"
        number = 1
        while key in used:  # two columns of one name
            number += 1
            key = f"{key.rstrip('0123456789').rstrip('_')}_{number}"
        used.add(key)
        attributes.append((at, key))
    return tuple(attributes)
