"""Every command, option and setting is documented, and the documents say what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_reference", DOCS / "write_reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_setting_is_documented(reference: ModuleType) -> None:
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == reference.configuration(), (
        "run: python docs/write_reference.py"
    )


def test_every_command_and_option_is_documented(reference: ModuleType) -> None:
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == reference.commands(), (
        "run: python docs/write_reference.py"
    )


def test_every_key_of_a_campaign_file_is_documented(reference: ModuleType) -> None:
    assert (DOCS / "campaign-files.md").read_text(encoding="utf-8") == reference.campaign_files(), (
        "run: python docs/write_reference.py"
    )


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.S))
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing


def test_every_command_shows_an_example(reference: ModuleType) -> None:
    without = re.findall(r"\n## (newsletter \w+)\n(?:(?!\n## )[\s\S])*?(?=\n## |\Z)", reference.commands())
    text = reference.commands()
    for heading in without:
        section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        assert "Example:" in section, f"{heading} --help has no example"
