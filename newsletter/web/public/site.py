"""What the public pages share: settings, database, links, words and the drawing of a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.clock import Clock
from newsletter.compose.house_style import house_folder
from newsletter.config import Settings
from newsletter.content.reader import list_series, read_series
from newsletter.errors import MaterialError
from newsletter.message.keys import KeyRing
from newsletter.message.links import Links
from newsletter.store.database import Database
from newsletter.web.public.limits import RateLimit
from newsletter.web.public.texts import Texts, choose

FOLDER = Path("web") / "public"
MOST_FIELDS = 100

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Site:
    """One installation's public pages. `limit` guards what sends mail, `page_limit` everything behind a token."""

    settings: Settings
    database: Database
    ring: KeyRing
    clock: Clock
    limit: RateLimit
    page_limit: RateLimit
    answer_seconds: float = 0.25
    titles: dict[str, str] = field(default_factory=dict)

    @cached_property
    def links(self) -> Links:
        """Makes and reads tokens."""
        return Links(self.ring, self.settings.web_url)

    @cached_property
    def templates(self) -> Environment:
        """The project's templates over those of the house."""
        return self._environment(autoescape=True)

    @cached_property
    def plain(self) -> Environment:
        """The same templates for text that is no HTML."""
        return self._environment(autoescape=False)

    def _environment(self, *, autoescape: bool) -> Environment:
        project = self.settings.path(self.settings.site.templates)
        folders = (project / FOLDER, house_folder() / FOLDER, project, house_folder())  # the palette is the mails' own
        return Environment(
            loader=FileSystemLoader(folders),
            autoescape=autoescape,  # noqa: S701 - off for plain text only
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def style(self) -> bytes:
        """The style sheet."""
        return self.plain.get_template("style.css.j2").render().encode()

    @cached_property
    def style_path(self) -> str:
        """Where the style sheet is. It changes with the sheet, so that browsers may keep it for ever."""
        return f"/style.{sha256(self.style).hexdigest()[:12]}.css"

    @cached_property
    def base(self) -> str:
        """The path under which the pages lie, if `[web] url` has one."""
        return urlsplit(self.settings.web_url).path.rstrip("/")

    @cached_property
    def series(self) -> tuple[str, ...]:
        """The series there are, as the content folder has them."""
        try:
            return list_series(self.settings.path(self.settings.site.content))
        except MaterialError:
            return ()

    def title_of(self, series: str) -> str:
        """A series as readers know it: the title of its first page; its name if the content is not on this machine."""
        if series not in self.titles:
            try:
                site = self.settings.site
                title = read_series(self.settings.path(site.content), series, lang=site.lang).title
            except MaterialError:
                title = ""
            self.titles[series] = title or series
        return self.titles[series]

    def texts(self, request: Request, lang: str = "") -> Texts:
        """The words in the reader's language: the one we know of, else the browser's, else the site's."""
        return choose(lang, request.headers.get("accept-language", ""), self.settings.site.lang)

    def page(
        self,
        template: str,
        texts: Texts,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page in the house style."""
        html = self.templates.get_template(template).render(
            {
                "t": texts,
                "site": self.settings.site,
                "postal": self.settings.sender.postal_address,
                "base": self.base,
                "style_path": self.style_path,
                **(values or {}),
            }
        )
        return HTMLResponse(html, status, {"content-language": texts.lang, **(headers or {})})

    def problem(self, request: Request, key: str, *, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """A page that says what did not work."""
        return self.page("problem.html.j2", self.texts(request), {"problem": key}, status=status, headers=headers)


def client_host(request: Request) -> str:
    """The address of whoever asks; behind a trusted proxy uvicorn has put the right one there."""
    return request.client.host if request.client else ""


async def read_form(request: Request) -> FormData:
    """The fields of a form, urlencoded or multipart; empty for a body that is neither or can't be read.

    Uploaded files and repeated fields beyond MOST_FIELDS are left out.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        try:
            form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        except (HTTPException, MultiPartException, ValueError):
            return FormData()
        fields: list[tuple[str, UploadFile | str]] = [item for item in form.multi_items() if isinstance(item[1], str)]
        return FormData(fields)
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return FormData()
    return FormData([*pairs])


def text_of(form: FormData, name: str) -> str:
    """One field as clean text on one line, "" if it is missing."""
    value = form.get(name, "")
    return " ".join(value.replace("\0", " ").split()) if isinstance(value, str) else ""
