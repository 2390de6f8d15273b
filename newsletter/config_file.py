"""newsletter.toml as it was written, and how its tables and the environment become typed values."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from newsletter.config_rules import PATH, Rule
from newsletter.errors import SettingsError

LARGEST = 1_000_000
"""Bytes; a larger file is not one of settings."""

HEADER = re.compile(r"\s*\[\s*([^\[\]#]+?)\s*\]\s*(?:#.*)?")
KEY = re.compile(r"""\s*(?:([\w-]+)|"([^"]*)"|'([^']*)')\s*[=.]""")
WORDS = {
    str: "text in quotes",
    Path: "a path in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
SHOWN = 60


@dataclass(frozen=True)
class ConfigFile:
    """`tables` as TOML reads them, `text` as written. Without a file both are empty."""

    path: Path | None
    text: str
    tables: Mapping[str, Any]

    def error(self, message: str, section: str, key: str = "", *, remedy: str) -> SettingsError:
        """What is wrong with a key of `[section]`, or with the section itself, where it stands."""
        where = str(self.path) if self.path else "defaults"
        return SettingsError(message, where=where, line=self.line_of(section, key), remedy=remedy)

    def line_of(self, section: str, key: str = "") -> int | None:
        """The 1-based line of a key in `[section]`, else of the section; None if neither is found."""
        table, found = "", None
        for number, row in enumerate(self.text.split("\n"), start=1):
            if header := HEADER.fullmatch(row):
                table = name = re.sub(r"[\"']", "", header[1])
            elif said := KEY.match(row):
                name = f"{table}.{said[1] or said[2] or said[3]}".lstrip(".")
            else:
                continue
            if key and name == f"{section}.{key}":
                return number
            if found is None and (name == section or name.startswith(f"{section}.")):
                found = number
        return found


@dataclass(frozen=True)
class Section:
    """One table on its way to settings of one `kind`; its variables are called NEWSLETTER_`variable`_KEY."""

    kind: type
    name: str
    variable: str
    document: ConfigFile
    environment: Mapping[str, str]
    root: Path

    def read(self, table: Any) -> Any:
        """The settings that `table` and the environment give. Raises SettingsError."""
        if not isinstance(table, dict):
            raise self.document.error(
                f"[{self.name}] is not a table", self.name, remedy=f"Write a line [{self.name}] and its keys below it."
            )
        declared = {item.name: item for item in fields(self.kind)}
        secret = {key for key, item in declared.items() if item.metadata["secret"]}
        for key in table:
            if key not in declared and key.removesuffix("_file") not in secret:
                raise self._error(key, f"unknown key {shown(key)} in [{self.name}]", did_you_mean(key, declared))
        hints = typing.get_type_hints(self.kind)
        values = {}
        for key, item in declared.items():
            found = self._value(key, table, hints[key], item.metadata)
            if found is not MISSING:
                values[key] = found
        return self.kind(**values)

    def _value(self, key: str, table: Mapping[str, Any], hint: Any, metadata: Mapping[str, Any]) -> Any:
        """The value of one key, MISSING if nobody gives it."""
        variable = f"NEWSLETTER_{self.variable}_{key}".upper().replace("-", "_")
        is_secret, rule = metadata["secret"], metadata["rule"]
        if variable in self.environment:
            text = self.environment[variable]
            try:
                return value_from_text(text, hint, rule)
            except ValueError as error:
                said = "can't be used" if is_secret else f"is {shown(text)}"
                raise SettingsError(f"{variable} {said}", where="environment", remedy=str(error)) from error
        if is_secret and f"{key}_file" in table:
            return self._secret(f"{key}_file", table[f"{key}_file"], rule)
        if key not in table:
            return MISSING
        if is_secret and key == "password":
            raise self._error(
                key,
                f"[{self.name}] {key} must not stand in a file that is kept in git",
                f"Set {variable}, or name a file of mode 0600 with {key}_file.",
            )
        try:
            return value_of(table[key], hint, rule)
        except ValueError as error:
            said = "can't be used" if is_secret else f"is {shown(table[key])}"
            raise self._error(key, f"[{self.name}] {key} {said}", str(error)) from error

    def _secret(self, key: str, file: Any, rule: Rule | None) -> str:
        label = f"[{self.name}] {key}"
        try:
            path = self.root / value_of(file, Path, PATH)
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise self._error(key, f"{label}: others can read {path}", f"chmod 600 {path}")
            return str(value_of(path.read_text(encoding="utf-8").strip(), str, rule))
        except OSError as error:
            said = f"{label}: {path} can't be read: {error.strerror}"
            raise self._error(key, said, "Make the file, with the secret alone in it.") from error
        except UnicodeDecodeError as error:
            raise self._error(key, f"{label}: {path} is not UTF-8", "Save the file as UTF-8.") from error
        except ValueError as error:
            raise self._error(key, f"{label} can't be used", str(error)) from error

    def _error(self, key: str, message: str, remedy: str) -> SettingsError:
        return self.document.error(message, self.name, key, remedy=remedy)


def read_config_file(path: Path | None) -> ConfigFile:
    """Read `path`. Raises SettingsError for a file that can't be read or is not TOML."""
    if path is None:
        return ConfigFile(None, "", {})
    try:
        data = path.read_bytes()
        if len(data) > LARGEST:
            raise SettingsError(
                f"has {len(data):,} bytes, which is no file of settings", where=path, remedy="Name the right file."
            )
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return ConfigFile(path, text, tomllib.loads(text))
    except OSError as error:
        raise SettingsError(
            f"can't be read: {error.strerror}", where=path, remedy="Check that it is a file and may be read."
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError("is not UTF-8", where=path, line=line, remedy="Save the file as UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        said = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise SettingsError(
            f"is not TOML: {said}",
            where=path,
            line=int(found[1]) if found else None,
            remedy='Write `key = "text"`, `key = 5` or `key = true`, each on a line of its own below its [section].',
        ) from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The remedy for a name that nobody knows."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."


def value_of(value: Any, hint: Any, rule: Rule | None) -> Any:
    """`value`, as TOML has it, as the type `hint` says. Raises ValueError with the remedy."""
    typed = _typed(value, hint)
    if rule is not None and rule.refuses(typed):
        raise ValueError(f"It should be {rule.wanted}.")
    return typed


def value_from_text(text: str, hint: Any, rule: Rule | None) -> Any:
    """`text`, as the environment has it, as the type `hint` says. Raises ValueError with the remedy."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is tuple:
        items = [item.strip() for item in text.split(",") if item.strip()]
        return value_of([_number(item, arguments[0]) for item in items], hint, rule)
    if kind is types.UnionType:
        return value_from_text(text, next(a for a in arguments if a is not type(None)), rule)
    return value_of(_number(text, hint), hint, rule)


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, and without control characters."""
    words = str(value).lower() if isinstance(value, bool) else repr(value)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}… ({len(words):,} characters)"


def _number(text: str, hint: Any) -> Any:
    if hint not in (int, float):
        return text
    try:
        return hint(text)
    except ValueError:
        raise ValueError(f"It should be {WORDS[hint]}.") from None


def _typed(value: Any, hint: Any) -> Any:
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Literal:
        if not isinstance(value, str) or value not in arguments:
            raise ValueError(f"One of {', '.join(repr(choice) for choice in arguments if choice != '')}.")
        return value
    if kind is types.UnionType:
        return None if value is None else _typed(value, next(a for a in arguments if a is not type(None)))
    if kind is tuple:
        if not isinstance(value, list):
            raise ValueError(f"It should be a list, each item {WORDS[arguments[0]]}.")
        return tuple(_typed(item, arguments[0]) for item in value)
    if kind is dict:
        if not isinstance(value, dict):
            raise ValueError("It should be a table.")
        return _flat(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _float(value)
    if type(value) is not hint:
        raise ValueError(f"It should be {WORDS[hint]}.")
    return value


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError("It should be a number of a sane size.") from None


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """`{outlook: {windows: "2016"}}` → `{"outlook.windows": "2016"}`, as TOML's dotted keys read."""
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat
