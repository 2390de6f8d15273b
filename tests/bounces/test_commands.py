"""`newsletter bounces` as people and scripts type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from newsletter.message.keys import load_keys
from newsletter.store.database import open_database
from newsletter.store.migrations import upgrade


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "newsletter", "bounces", *arguments],
        input=stdin,
        cwd=cwd,
        capture_output=True,
        check=False,
    )


def test_classify_prints_one_object_per_mail(tmp_path: Path, dsn: Callable[..., bytes]) -> None:
    (tmp_path / "a.eml").write_bytes(dsn("bounces@news.example.com"))
    (tmp_path / "b.eml").write_bytes(b"From: kim@example.net\nSubject: Hello\n\nHi\n")
    done = run("classify", "a.eml", "b.eml", "--json", cwd=tmp_path)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"file": "a.eml", "kind": "bounce", "hard": True, "rcpt": ["Ann@example.org"], "status": "5.1.1", "reason": "unknown-user"},
        {"file": "b.eml", "kind": "none", "hard": False, "rcpt": [], "status": "", "reason": ""},
    ]  # fmt: skip
    assert done.returncode == 0


def test_classify_reads_a_pipe_and_goes_on_after_a_file_that_is_missing(
    tmp_path: Path, dsn: Callable[..., bytes]
) -> None:
    done = run("classify", "none.eml", "-", cwd=tmp_path, stdin=dsn("bounces@news.example.com"))
    assert done.stdout == b"-: bounce (hard: unknown-user) Ann@example.org\n"
    assert b"none.eml" in done.stderr
    assert done.returncode == 1


def test_process_keeps_what_bears_no_token(tmp_path: Path, dsn: Callable[..., bytes]) -> None:
    (tmp_path / "newsletter.toml").write_text('[database]\nurl = "sqlite:///n.db"\n')
    database = open_database(f"sqlite:///{tmp_path / 'n.db'}")
    upgrade(database)
    database.close()
    load_keys(tmp_path / "newsletter.key")
    data = dsn("bounces@news.example.com")
    done = run("process", "-", cwd=tmp_path, stdin=data)
    assert b"kept for a person" in done.stdout
    assert [path.read_bytes() for path in (tmp_path / ".newsletter/bounces").glob("*.eml")] == [data]
    assert done.returncode == 0


def test_process_without_a_mailbox_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text("")
    done = run("process", cwd=tmp_path)
    assert b"[bounces] mailbox" in done.stderr
    assert done.returncode == 2


def test_a_pipe_asks_the_mail_server_to_try_again_when_the_database_is_not_there(
    tmp_path: Path, dsn: Callable[..., bytes]
) -> None:
    (tmp_path / "newsletter.toml").write_text('[database]\nurl = "sqlite:///n.db"\n')
    done = run("process", "-", cwd=tmp_path, stdin=dsn("bounces@news.example.com"))
    assert (done.returncode, done.stdout) == (75, b"")


def test_process_makes_nothing_where_no_mail_was_sent_from(tmp_path: Path, dsn: Callable[..., bytes]) -> None:
    piped = run("process", "-", cwd=tmp_path, stdin=dsn("bounces@news.example.com"))
    named = run("process", "returned.eml", cwd=tmp_path)
    assert (piped.returncode, named.returncode) == (75, 2)
    assert b"no database here" in piped.stderr
    assert list(tmp_path.iterdir()) == []
