"""Write docs/configuration.md, docs/campaign-files.md and docs/commands.md from the code: python docs/write_reference.py

A test compares them with the code, so that no setting and no option stays undocumented.
"""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from newsletter.campaigns import definition, definition_file
from newsletter.cli import COMMANDS, campaign_flags, command
from newsletter.config import SECTIONS, TABLES

DOCS = Path(__file__).parent

CONFIGURATION_HEAD = """# Configuration

<!-- Written by docs/write_reference.py from newsletter/config.py. -->

Settings stand in `newsletter.toml`, in the project's folder; commands find it there or in a folder above. Every
setting can also come from the environment, which wins: `[relay] host` is `NEWSLETTER_RELAY_HOST`, and in
`[relays.second]` it is `NEWSLETTER_RELAY_SECOND_HOST`. A key that does not exist is an error, so that a typing
mistake never turns into a default. Relative paths start at the folder of `newsletter.toml`.

Settings marked *secret* never stand in `newsletter.toml` itself if they are passwords: put them into the environment,
or into a file of mode 0600 and name it with `…_file` (for example `password_file = "relay.secret"`).
"""

CAMPAIGNS_HEAD = """# Campaign files

<!-- Written by docs/write_reference.py from newsletter/campaigns/definition.py. -->

`campaigns/NAME.toml` says which pages go to whom and when: [your first campaign](how-to/first-campaign.md) begins with one.
`newsletter campaign plan NAME` says what applying it would change, `apply` does that. Only `series` and one rule of
`[cadence]` are needed. A key that does not exist is refused with its line. Editors that know TOML complete the keys from
`campaigns/campaign.schema.json`, which `newsletter init` puts there; the file names it on its first line.
"""

COMMANDS_HEAD = """# Commands

<!-- Written by docs/write_reference.py from the command line itself. -->

Exit codes: 0 done, 1 the content or data is at fault, 2 usage, 3 a service that is needed did not answer.

Shell completion: `eval "$(_NEWSLETTER_COMPLETE=bash_source newsletter)"` in `~/.bashrc`; `zsh_source` and
`fish_source` for zsh and fish.
"""


def configuration() -> str:
    """The text of docs/configuration.md."""
    parts = [CONFIGURATION_HEAD]
    kinds = [*SECTIONS.items(), *((f"{single}", kind) for single, kind in TABLES.values())]
    for name, kind in kinds:
        summary = inspect.getdoc(kind) or ""
        parts.append(f"\n## [{name}]\n\n{summary.partition('] ')[2].removeprefix(f'or [{name}s.NAME] ')}\n")
        if name in {single for single, _ in TABLES.values()}:
            parts.append(f"Several: `[{name}s.NAME]`, one table each.\n")
        parts.append("| key | type | default | meaning |\n|---|---|---|---|")
        hints = typing.get_type_hints(kind)
        for item in fields(kind):
            default = item.default if item.default is not MISSING else {}
            secret = " *Secret.*" if item.metadata["secret"] else ""
            doc = item.metadata["doc"].replace("|", "\\|")
            parts.append(f"| `{item.name}` | {_type(hints[item.name])} | {_value(default)} | {doc}{secret} |")
    return "\n".join(parts) + "\n"


def campaign_files() -> str:
    """The text of docs/campaign-files.md."""
    parts = [CAMPAIGNS_HEAD]
    kinds: list[tuple[str, type]] = [("", definition.Definition), *definition.SECTIONS.items()]
    for name, kind in kinds:
        if name:
            summary = " ".join((inspect.getdoc(kind) or "").split()).partition("] ")[2]
            parts.append(f"\n## [{name}]\n\n{summary}\n")
        defaults = definition_file.words_of_defaults(kind)
        parts.append("| key | default | meaning | flag of `start` |\n|---|---|---|---|")
        parts += [
            f"| `{item.name}` | {_value(defaults[item.name])} | {item.metadata['doc']} | {_flag(name, item.name)} |"
            for item in fields(kind)
            if item.name in defaults
        ]
    return "\n".join(parts) + "\n"


def _flag(section: str, key: str) -> str:
    wanted = f"{section}.{key}" if section else key
    flag = next((row[0] for row in (*campaign_flags.FLAGS, *campaign_flags.SWITCHES) if row[1] == wanted), None)
    return f"`--{flag}`" if flag else "its argument"


def _type(hint: Any) -> str:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f'`"{choice}"`' for choice in arguments if choice)
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}"
    if typing.get_origin(hint) is types.UnionType:
        return _type(next(argument for argument in arguments if argument is not type(None)))
    if typing.get_origin(hint) is dict:
        return "table"
    return {str: "text", Path: "path", int: "number", float: "number", bool: "true or false"}[hint]


def _value(value: Any) -> str:
    if value in ("", None, (), {}, []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def commands() -> str:
    """The text of docs/commands.md."""
    parts = [COMMANDS_HEAD]
    root = click.Context(command, info_name="newsletter")
    for name in COMMANDS:
        found = command.get_command(root, name)
        assert found is not None
        parts += _describe(found, click.Context(found, info_name=name, parent=root), depth=2)
    return "\n".join(parts).rstrip() + "\n"


def _describe(item: click.Command, context: click.Context, depth: int) -> list[str]:
    usage = item.get_usage(context).removeprefix("Usage: ")
    help_text = inspect.cleandoc(item.help or "")
    prose, _, example = help_text.partition("\b")
    lines = [f"\n{'#' * depth} {context.command_path}\n", prose.strip(), f"\n```\n{' '.join(usage.split())}\n```"]
    if example.strip():
        lines.append("\nExample:\n\n```sh\n" + "\n".join(_example_lines(example)) + "\n```")
    options = [parameter for parameter in item.get_params(context) if isinstance(parameter, click.Option)]
    rows = [option.get_help_record(context) for option in options if "--help" not in option.opts]
    if any(rows):
        lines.append("\n| option | meaning |\n|---|---|")
        lines += [f"| `{row[0]}` | {' '.join(row[1].split())} |".replace("[", "\\[") for row in rows if row]
    if isinstance(item, click.Group):
        for name in item.list_commands(context):
            child = item.get_command(context, name)
            if child is not None and not child.hidden:
                lines += _describe(child, click.Context(child, info_name=name, parent=context), depth + 1)
    return lines


def _example_lines(example: str) -> list[str]:
    lines = [line.strip() for line in example.replace("\b", "").splitlines() if line.strip()]
    return [line for line in lines if line.rstrip(":").lower() not in ("example", "examples")]


if __name__ == "__main__":
    (DOCS / "configuration.md").write_text(configuration(), encoding="utf-8")
    (DOCS / "campaign-files.md").write_text(campaign_files(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands(), encoding="utf-8")
