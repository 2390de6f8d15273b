"""Front matter: where it starts and ends, what it says, and on which line it says it."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import BaseHandler

from newsletter.errors import ContentError

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML built without libyaml
    from yaml import SafeLoader as Loader

NEAR_FENCE = re.compile(r"\s*[-–—−‐+]{2,}\s*")
FENCES = {"---": "YAML", "+++": "TOML"}
DEPTH = 60
"""Nesting at most. PyYAML's C loader recurses on the C stack: 30,000 open brackets kill the process."""

EXAMPLE = "Begin the file with a line ---, then `title: …`, then a line ---."


@dataclass(frozen=True)
class FrontMatter:
    """What a file says about itself.

    `values` has the keys as written; `lines` the 1-based line of each; `body` is what follows the closing fence
    and `body_line` the line it starts on.
    """

    values: Mapping[str, Any]
    lines: Mapping[str, int]
    body: str
    body_line: int


def read_front_matter(text: str, path: str) -> FrontMatter:
    """Split `text` at its fences and read what stands between them.

    Raises ContentError with the line and a remedy for anything that leaves in doubt what the author meant: a page
    of which we can't tell whether it is a draft must not be mailed.
    """
    rows = text.split("\n")
    first = next((index for index, row in enumerate(rows) if row.strip()), None)
    if first is None:
        raise ContentError("The file is empty.", where=path, line=1, remedy=EXAMPLE)
    fence = rows[first].rstrip()
    if fence in FENCES:
        last = next((index for index in range(first + 1, len(rows)) if rows[index].rstrip() == fence), None)
        if last is None:
            raise ContentError(
                f"The front matter that opens with {fence} is never closed.",
                where=path,
                line=first + 1,
                remedy=f"Put a line {fence} behind the last key.",
            )
        header, after = "\n".join(rows[first + 1 : last]), last + 1
        values, lines = _read(header, FENCES[fence], path, first + 2)
    elif fence.startswith("{") and not fence.startswith(("{{", "{%")):
        values, lines, header, after = _read_json(rows, first, path)
    else:
        raise _no_front_matter(rows, first, path)
    _refuse_half_written_draft(header, values, path, first + 2)
    return FrontMatter(values, lines, "\n".join(rows[after:]), after + 1)


def _no_front_matter(rows: list[str], first: int, path: str) -> ContentError:
    if NEAR_FENCE.fullmatch(rows[first]):
        return ContentError(
            f"The first line {rows[first].strip()!r} looks like a fence of front matter but is none.",
            where=path,
            line=first + 1,
            remedy="Write it as three plain hyphens at the start of the line: ---",
        )
    return ContentError(
        "The page has no front matter, so nobody can tell whether it is a draft.",
        where=path,
        line=first + 1,
        remedy=EXAMPLE,
    )


def _read(header: str, kind: str, path: str, line: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Hand a normalised header to python-frontmatter; the handler notes the lines on the way."""
    handler = YamlHandler(path, line) if kind == "YAML" else TomlHandler(path, line)
    fence = handler.START_DELIMITER
    values, _ = frontmatter.parse(f"{fence}\n{header}\n{fence}\n", handler=handler)
    return values, handler.lines


class YamlHandler(BaseHandler):
    """YAML that refuses what PyYAML lets pass: doubled keys, keys that are not text, no mapping at all."""

    FM_BOUNDARY = re.compile("^---$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "---"

    def __init__(self, path: str, line: int) -> None:
        super().__init__()
        self.path, self.line = path, line
        self.lines: dict[str, int] = {}

    def split(self, text: str) -> tuple[str, str]:
        """The fences were found before; a line `----` inside a value must not end the header."""
        return text[4:-4], ""

    def load(self, fm: str) -> dict[str, Any]:
        """The mapping in `fm`. Raises ContentError."""
        try:
            _refuse_deep(fm, self.path, self.line)
            loader = Loader(fm)
            try:
                node = loader.get_single_node()
                if node is None:
                    return {}
                if not isinstance(node, yaml.MappingNode):
                    raise self._error("The front matter is not made of `key: value` lines.", node.start_mark.line)
                self._note_lines(node)
                values: dict[str, Any] = loader.construct_document(node)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            raise self._explain(error, fm) from error
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError, TypeError) as error:
            raise self._error(f"The front matter can't be read: {error}.", 0) from error
        return values

    def _note_lines(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            row = key.start_mark.line
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (STRING, MERGE):
                said = key.value if isinstance(key, yaml.ScalarNode) else "…"
                raise self._error(f"The key {said!r} is not text.", row, f'Write it in quotes: "{said}": …')
            if key.value in self.lines:
                raise self._error(
                    f"The key {key.value!r} stands here and on line {self.lines[key.value]}.", row, "Keep one of them."
                )
            self.lines[key.value] = self.line + row

    def _explain(self, error: yaml.MarkedYAMLError, header: str) -> ContentError:
        """libyaml points behind a key without a blank (`draft:true`), so such a line is looked for first."""
        unfinished = error.context_mark if "could not find" in str(error.problem) else None
        mark = unfinished or error.problem_mark or error.context_mark
        row = mark.line if mark else 0
        for number, text in enumerate(header.split("\n")[: row + 1]):
            if glued := re.match(r"([A-Za-z_]\w*)(?::[^\s/]|：)", text):
                return self._error(
                    f"Between `{glued[1]}:` and its value a blank is missing.", number, f"Write `{glued[1]}: …`."
                )
        said = PROBLEMS.get(str(error.problem), str(error.problem))
        return self._error(f"The front matter can't be read: {said}.", row)

    def _error(self, message: str, row: int, remedy: str = "") -> ContentError:
        return ContentError(message, where=self.path, line=self.line + row, remedy=remedy or YAML_REMEDY)


PROBLEMS = {
    "mapping values are not allowed in this context": 'this value holds ": " and is not in quotes',
    "found character that cannot start any token": "a tab or another character that may not begin a value",
    "could not find expected ':'": "a line without a key, or a key without its colon",
}
"""libyaml's words for the commonest mistakes, in plain ones."""

STRING, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
YAML_REMEDY = 'Write each key as `key: value`, with a blank behind the colon; a value with ": " or quotes in it in "…".'


def _refuse_deep(header: str, path: str, line: int) -> None:
    marks = header.count("[") + header.count("{") + header.count("- ") + header.count("? ") + header.count("\n")
    if marks <= DEPTH:
        return
    depth = 0
    for event in yaml.parse(header, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise ContentError(
                "The front matter nests too deep.",
                where=path,
                line=line + event.start_mark.line,
                remedy="Close the brackets that are left open.",
            )


class TomlHandler(BaseHandler):
    """TOML by the standard library, whose errors know their line."""

    FM_BOUNDARY = re.compile(r"^\+\+\+$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def __init__(self, path: str, line: int) -> None:
        super().__init__()
        self.path, self.line = path, line
        self.lines: dict[str, int] = {}

    def split(self, text: str) -> tuple[str, str]:
        """The fences were found before."""
        return text[4:-4], ""

    def load(self, fm: str) -> dict[str, Any]:
        """The table in `fm`. Raises ContentError."""
        try:
            values = tomllib.loads(fm)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            found = re.search(r"at line (\d+)", str(error))
            row = int(found[1]) - 1 if found else fm.count("\n")
            said = re.sub(r"\s*\(at .*\)$", "", str(error))
            raise ContentError(
                f"The front matter can't be read: {said}.",
                where=self.path,
                line=self.line + row,
                remedy='Between +++ stands TOML: `title = "…"`, `draft = true`.',
            ) from error
        for row, text in enumerate(fm.split("\n")):
            if text.lstrip().startswith("["):
                break
            if key := re.match(r'\s*["\']?([\w-]+)["\']?\s*=', text):
                self.lines.setdefault(key[1], self.line + row)
        return values


def _read_json(rows: list[str], first: int, path: str) -> tuple[dict[str, Any], dict[str, int], str, int]:
    text = "\n".join(rows[first:])
    lines: dict[str, int] = {}

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            doubled = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
            raise ValueError(f"the key {doubled!r} stands there twice")
        return values

    try:
        values, end = json.JSONDecoder(object_pairs_hook=unique).raw_decode(text)
    except (ValueError, RecursionError) as error:
        row = error.lineno - 1 if isinstance(error, json.JSONDecodeError) else 0
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise ContentError(
            f"The front matter can't be read: {said}.", where=path, line=first + 1 + row, remedy=EXAMPLE
        ) from error
    header = text[:end]
    rest = text[end:].split("\n", 1)
    if rest[0].strip():
        raise ContentError(
            "Behind the closing } of the front matter stands something else.",
            where=path,
            line=first + 1 + header.count("\n"),
            remedy="Put the closing } on a line of its own.",
        )
    for row, content in enumerate(header.split("\n")):
        for key in re.findall(r'"([^"]+)"\s*:', content):
            if key in values:
                lines.setdefault(key, first + 1 + row)
    return values, lines, header, first + header.count("\n") + 1


HALF_WRITTEN = re.compile(r"^\s*[\"'“”]?(\w+)[\"'“”]?\s*[:=：]", re.MULTILINE)


def _refuse_half_written_draft(header: str, values: Mapping[str, Any], path: str, line: int) -> None:
    """`draft:true` without a blank can hide in the value above it; a misspelt `draft` is an unknown key.

    Both would read as "not a draft", so both are refused: every line that begins with the word must have become a key.
    """
    keys = list(_keys(values))
    said = [match for match in HALF_WRITTEN.finditer(header) if match[1].lower() == "draft"]
    if len(said) > sum(key.lower() == "draft" for key in keys):
        raise ContentError(
            "This line does not say clearly whether the page is a draft.",
            where=path,
            line=line + header.count("\n", 0, said[-1].start(1)),
            remedy="Write `draft: true` or `draft: false`, with a blank behind the colon, at the start of the line.",
        )
    for key in values:
        if _misspelt_draft(key.lower()):
            at = next((match for match in HALF_WRITTEN.finditer(header) if match[1] == key), None)
            raise ContentError(
                f"The key {key!r} looks like a misspelt `draft`.",
                where=path,
                line=line + header.count("\n", 0, at.start(1)) if at else line,
                remedy="Write `draft: true` or `draft: false`.",
            )


def _misspelt_draft(key: str) -> bool:
    return key != "draft" and key.startswith("d") and difflib.SequenceMatcher(None, key, "draft").ratio() > 0.79


def _keys(value: Any) -> Iterator[str]:
    """Every key of nested mappings; each object once, since YAML aliases can multiply without end."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            yield from (key for key in item if isinstance(key, str))
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
