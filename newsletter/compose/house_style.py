"""The templates: a project's own over those of the house, file by file."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

import newsletter
from newsletter.compose.mjml import MjmlError, to_html
from newsletter.errors import TemplateError

EMAIL = "email.mjml.j2"
TEXT = "email.txt.j2"
ARTICLE_THEME = "article.css.j2"
CAPTION_THEME = "caption.css.j2"

RENDERING_ERRORS = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)
"""What a template can make happen: its expressions are code."""

OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters around a mark `FILE:LINE`; authors' text loses them before it is marked."""


def house_folder() -> Path:
    """The templates of the house: `newsletter/house` when installed, `templates` beside the package in a checkout."""
    package = Path(newsletter.__file__).parent
    installed = package / "house"
    return installed if installed.is_dir() else package.parent / "templates"


class HouseStyle:
    """Renders the templates with a page's values."""

    def __init__(self, project: Path) -> None:
        """`project` is the folder whose templates replace those of the house; it need not exist."""
        self.folders = (project, house_folder())
        self._html = _environment(self.folders, autoescape=True)
        self._plain = _environment(self.folders, autoescape=False)

    def theme(self, name: str, direction: str) -> str:
        """CSS to be written into style attributes. Raises TemplateError."""
        return self._render(self._plain, name, {"direction": direction})

    def html(self, values: Mapping[str, Any]) -> str:
        """The whole mail as HTML. Raises TemplateError naming the file and line of the template."""
        mjml = self._render(self._html, EMAIL, values)
        try:
            return to_html(mjml)
        except MjmlError as fault:
            where, line = self._origin(values, mjml, fault)
            raise TemplateError(fault.message, where=where, line=line, remedy=fault.remedy) from fault

    def text(self, values: Mapping[str, Any]) -> str:
        """The whole mail as plain text. Raises TemplateError."""
        return self._render(self._plain, TEXT, values)

    def _render(self, environment: SandboxedEnvironment, name: str, values: Mapping[str, Any]) -> str:
        try:
            return environment.get_template(name).render(values)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(
                f"the template can't be read: {error.message}",
                where=error.filename or error.name,
                line=error.lineno,
                remedy="Each {% if %} and {% for %} needs a condition and its end, each {{ its }}.",
            ) from error
        except jinja2.TemplateNotFound as error:
            raise TemplateError(
                f"there is no template {error.name}", where=str(self.folders[0]), remedy="Check the name in `include`."
            ) from error
        except TemplateError as error:
            where, line = self._place_of(error)
            if error.where or not where:
                raise
            raise TemplateError(error.message, where=where, line=line, remedy=error.remedy) from error
        except RENDERING_ERRORS as error:
            where, line = self._place_of(error)
            raise TemplateError(_in_words(error), where=where or name, line=line, remedy=_remedy(error)) from error

    def _place_of(self, error: BaseException) -> tuple[str, int | None]:
        """The innermost template line of a traceback; Jinja rewrites its frames to name the template."""
        folders = tuple(str(folder) for folder in self.folders)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith(folders):
                return frame.filename, frame.lineno
        return "", None

    def _origin(self, values: Mapping[str, Any], mjml: str, fault: MjmlError) -> tuple[str, int | None]:
        """File and line of the template that wrote one place of the MJML.

        The templates are rendered once more with a mark at the beginning of each of their lines; the last
        mark before the place tells.
        """
        marked = _environment(self.folders, autoescape=True, marked=True).get_template(EMAIL).render(values)
        # White space differs, since a mark keeps Jinja from trimming it; so ink is counted.
        ink = len("".join(mjml[: fault.offset].split()))
        found, mark, is_mark = f"{EMAIL}:1", "", False
        for character in marked:
            if character == OPEN:
                mark, is_mark = "", True
            elif character == CLOSE:
                found, is_mark = mark, False
            elif is_mark:
                mark += character
            elif not character.isspace():
                if ink == 0:
                    break
                ink -= 1
        where, _, number = found.rpartition(":")
        return where, int(number)


class OverlaidLoader(jinja2.BaseLoader):
    """Loads a template from the first folder that has it, and notices edits, and files that appear or go."""

    def __init__(self, folders: tuple[Path, ...], *, marked: bool = False) -> None:
        self._folders = folders
        self._marked = marked

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        parts = jinja2.loaders.split_template_path(template)
        candidates = [folder.joinpath(*parts) for folder in self._folders]
        state = _first_of(candidates)
        if state is None:
            raise jinja2.TemplateNotFound(template)
        path = state[0]
        try:
            source = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"can't be read: {error}", where=path, remedy="Save the template as UTF-8.") from error
        if self._marked:
            source = _marked(environment, source, path)
        return source, str(path), lambda: _first_of(candidates) == state


def _first_of(candidates: list[Path]) -> tuple[Path, int, int] | None:
    """The first of these files that is there, with what changes when it is edited."""
    for path in candidates:
        try:
            status = path.stat()
        except OSError:
            continue
        return path, status.st_mtime_ns, status.st_size
    return None


def _marked(environment: jinja2.Environment, source: str, path: Path) -> str:
    """`source` with a mark at the beginning of each line of its text and behind each of its expressions."""
    parts: list[str] = []
    for number, kind, value in environment.lex(source, filename=str(path)):
        mark = f"{OPEN}{path}:{{}}{CLOSE}"
        if kind == "data":
            lines = value.split("\n")
            value = "\n".join(mark.format(number + offset) + line for offset, line in enumerate(lines))
        parts.append(value)
    return "".join(parts)


class _Sandbox(SandboxedEnvironment):
    """Jinja2's sandbox asks about each attribute each time, a tenth of composing; the answer depends on the type only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        key = (type(obj), attr)
        if key not in self._known:
            self._known[key] = super().is_safe_attribute(obj, attr, value)
        return self._known[key]


@lru_cache(maxsize=8)
def _environment(folders: tuple[Path, ...], *, autoescape: bool, marked: bool = False) -> SandboxedEnvironment:
    """Shared by all composers of these folders: compiling the templates takes a hundred times as long as a page."""
    return _Sandbox(
        loader=OverlaidLoader(folders, marked=marked),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _in_words(error: BaseException) -> str:
    if isinstance(error, jinja2.UndefinedError):
        return f"the template names a field that is not there: {error}"
    return f"the template can't be rendered: {error}" if str(error) else f"the template fails: {type(error).__name__}"


def _remedy(error: BaseException) -> str:
    if isinstance(error, jinja2.UndefinedError):
        return 'Check the name, or write `{% if name is defined %}`; for a subscriber\'s data use slot("name").'
    return ""
