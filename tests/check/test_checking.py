"""Many pages are checked in two processes, which find what one finds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from newsletter.checking import FEW

from .projects import check, write

SETTINGS = """[site]
base_url = "https://site.example"
[sender]
address = "letters@union.org"
postal_address = "1 Example Street"
[web]
url = "https://mail.union.org"
"""


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    bodies = ["Dear {{ company }}.", "[here](https://a.example)", "Plain words.", "A {{ torn"]
    write(tmp_path, **{f"page{number:02}": bodies[number % 4] for number in range(FEW + 1)})
    write(tmp_path, same="---\ntitle: The page page03\n---\nThe same title as another page has.\n")
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    (tmp_path / "people.csv").write_text("email,company\nann@acme.org,Acme\nbo@acme.org,\n")
    command = [sys.executable, "-m", "newsletter", "check", "--format", "json"]
    done = subprocess.run([*command, "--subscribers", "people.csv"], cwd=tmp_path, capture_output=True, check=False)
    assert done.stderr == b""
    printed = {
        (row["code"], row["path"].removeprefix("content/boats/"), row["line"]) for row in json.loads(done.stdout)
    }
    alone = {(one.code, one.path.removeprefix("boats/"), one.line) for one in check(tmp_path).all_findings}
    assert printed - {("dkim-missing", "newsletter.toml", None)} == alone
    assert {"merge-missing", "link-vague", "subject-repeated"} <= {code for code, _, _ in printed}
    assert done.returncode == 1
