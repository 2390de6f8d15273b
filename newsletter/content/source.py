"""Text that remembers which line of the file each of its lines came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class SourceText:
    """A body: its text, and for each of its lines the 1-based line of the file.

    What is replaced (shortcodes, merge expressions) may span lines, so line numbers can't be counted afterwards.
    """

    text: str
    lines: tuple[int, ...]

    @classmethod
    def starting_at(cls, text: str, line: int) -> SourceText:
        """`text` whose first line is line `line` of the file."""
        return cls(text, tuple(range(line, line + text.count("\n") + 1)))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def line_at(self, offset: int) -> int:
        """The line of the file on which the character at `offset` stands."""
        return self.lines[bisect_right(self._starts, offset) - 1]

    def line_of_row(self, row: int) -> int:
        """The line of the file for the 0-based `row` of the text."""
        return self.lines[min(max(row, 0), len(self.lines) - 1)]

    def substitute(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str], int], str]) -> SourceText:
        """`pattern.sub`, with `replace(match, line)`; the lines of what stays are kept."""
        matches = pattern.finditer(self.text)
        return self.edit(
            [(match.start(), match.end(), replace(match, self.line_at(match.start()))) for match in matches]
        )

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> SourceText:
        """Put other text in place of each `(start, end, text)`; they are in order and do not overlap."""
        if not edits:
            return self
        pieces: list[str] = []
        lines: list[int] = [self.lines[0]]
        position = 0
        for start, end, piece in edits:
            self._keep(pieces, lines, position, start)
            pieces.append(piece)
            lines.extend([self.line_at(start)] * piece.count("\n"))
            position = end
        self._keep(pieces, lines, position, len(self.text))
        return SourceText("".join(pieces), tuple(lines))

    def _keep(self, pieces: list[str], lines: list[int], start: int, end: int) -> None:
        kept = self.text[start:end]
        pieces.append(kept)
        breaks = kept.count("\n")
        if breaks:
            row = bisect_right(self._starts, start)
            lines.extend(self.lines[row : row + breaks])
