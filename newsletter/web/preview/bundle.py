"""The front end's modules as one plain script: a page opened from the disk may not load modules."""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{ (?P<names>[^}]*) \} from "\./(?P<module>[a-z_]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (?P<name>[A-Za-z_]\w*))", re.MULTILINE)


def bundle(folder: Path, entry: str) -> str:
    """The module `entry` of `folder` and all it imports, each in a function of its own, what is imported first."""
    scripts: dict[str, str] = {}
    _gather(folder, entry, scripts)
    return '"use strict";\nconst modules = {};\n' + "".join(scripts.values())


def _gather(folder: Path, module: str, scripts: dict[str, str]) -> None:
    source = (folder / module).read_text(encoding="utf-8")
    for match in IMPORT.finditer(source):
        if match["module"] not in scripts:
            _gather(folder, match["module"], scripts)
    exported = ", ".join(match["name"] for match in EXPORT.finditer(source))
    body = EXPORT.sub("", IMPORT.sub(r'const { \g<names> } = modules["\g<module>"];', source))
    scripts[module] = f'modules["{module}"] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n'
