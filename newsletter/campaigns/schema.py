"""The JSON Schema of campaign files, for editors (`#:schema` on the first line, as Taplo and Even Better TOML read it).

`campaign.schema.json` beside this file is what it makes; a test keeps them equal:
python -c "from newsletter.campaigns.schema import schema_text; print(schema_text(), end='')" > …
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date, datetime, time
from typing import Any, Literal, get_args, get_origin, get_type_hints

from newsletter.campaigns.definition import SECTIONS, Definition
from newsletter.campaigns.definition_file import RHYTHMS, WEEKDAYS
from newsletter.campaigns.hours import Span
from newsletter.campaigns.rhythm import Interval

FILE = "campaign.schema.json"

WORDS: dict[Any, dict[str, Any]] = {
    Interval: {"type": "string", "pattern": "^[0-9]{1,5} *[smhdw]$"},
    time: {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"},
    Span: {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}[-–—][0-9]{1,2}:[0-9]{2}$"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    date: {"type": "string"},
    datetime: {"type": "string"},
}


def schema() -> dict[str, Any]:
    """The schema as a value."""
    properties = _properties(Definition)
    for name, kind in SECTIONS.items():
        table = {"type": "object", "additionalProperties": False, "properties": _properties(kind)}
        table["description"] = " ".join((kind.__doc__ or "").split()).partition("] ")[2]
        properties[name] = table
    properties["audience"] = {"anyOf": [properties["audience"], {"const": "all"}]}
    holidays = properties["hours"]["properties"]["holidays"]
    properties["hours"]["properties"]["holidays"] = {"anyOf": [holidays, {"type": "string"}]}
    properties["cadence"]["oneOf"] = [{"required": [name]} for name in RHYTHMS]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A campaign of newsletter",
        "type": "object",
        "additionalProperties": False,
        "required": ["series", "cadence"],
        "properties": properties,
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _properties(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {
        item.name: {**_kind(hints[item.name]), "description": item.metadata["doc"]}
        for item in fields(kind)
        if not (kind is Definition and item.name in SECTIONS)
    }


def _kind(hint: Any) -> dict[str, Any]:
    options = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) is Literal:
        return {"enum": options}
    if type(None) in get_args(hint):
        return _kind(options[0])
    if get_origin(hint) is frozenset:
        return {"type": "array", "items": {"enum": list(WEEKDAYS)}}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _kind(options[0])}
    return dict(WORDS[hint])
