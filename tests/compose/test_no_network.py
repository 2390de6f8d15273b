"""Composing asks nobody: what a page names on other machines, or on this one, is not fetched for it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from newsletter.compose.composer import Composer
from newsletter.content.page import Series
from newsletter.content.reader import parse_page
from newsletter.errors import MaterialError
from tests.compose.pages import settings

PAGES = {
    "style sheet": '<link rel="stylesheet" href="{site}/a.css"><p>Text.</p>',
    "import": '<style>@import url("{site}/b.css"); p {{ color: red }}</style><p>Text.</p>',
    "background": '<style>p {{ background: url({site}/c.png) }}</style><p style="background: url({site}/d.png)">Text.</p>',
    "picture": '<img src="{site}/e.png" alt="A picture" width="10" height="10">\n\n![A picture]({site}/f.png)',
    "drawing": '<svg width="9" height="9"><image href="{site}/g.png" width="9" height="9"/></svg>\n\nText.',
    "frame": '<iframe src="{site}/h"></iframe><object data="{site}/i"></object><embed src="{site}/j">\n\nText.',
    "entity": '<!DOCTYPE p [<!ENTITY x SYSTEM "{site}/k">]>\n<p>&x; Text.</p>',
    "module": '<mj-include path="{site}/l"/>\n\nText.',
}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_names_is_not_fetched(tmp_path: Path, name: str) -> None:
    asked: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if connection.recv(1) == b"!":
                        return
                    asked.append(connection)

        listener = threading.Thread(target=listen)
        listener.start()
        body = PAGES[name].format(site=f"http://127.0.0.1:{server.getsockname()[1]}")
        try:
            page = parse_page(f"---\ntitle: A page\n---\n{body}\n".encode(), path="captains/a.md", series="captains")
            Composer(settings(tmp_path)).compose(page, Series("captains", "Captains", (page,)))
        except MaterialError:
            pass  # a refusal asks nobody either
        with socket.create_connection(server.getsockname()) as last:
            last.sendall(b"!")
        listener.join()
    assert not asked
