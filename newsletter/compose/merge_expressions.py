"""Whether what an author wrote between braces is part of the merge language, said where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import jinja2
from jinja2 import nodes

from newsletter.compose.merge_language import MergeEnvironment, refuse_unknown

MERGE_LANGUAGE = MergeEnvironment(autoescape=True)
COMPLETIONS = {
    "if": ("", "{% endif %}"),
    "elif": ("{% if x %}", "{% endif %}"),
    "for": ("", "{% endfor %}"),
    "else": ("{% if x %}", "{% endif %}"),
    "endif": ("{% if x %}", ""),
    "endfor": ("{% for x in y %}", ""),
    "set": ("", ""),
}
"""What makes a template of one statement, so that it can be judged where it stands."""


@lru_cache(maxsize=2048)
def complaint_about(kind: str, source: str) -> str:
    """What is wrong with one expression (`kind` is "value" or "statement"), or ""."""
    if kind == "statement":
        word = re.split(r"\W", source, maxsplit=1)[0]
        if word not in COMPLETIONS:
            return f"{word!r} is not part of the merge language"
        before, after = COMPLETIONS[word]
        return _read(f"{before}{{% {source} %}}{after}")[1]
    tree, complaint = _read(f"{{{{ {source} }}}}")
    if tree is None:
        return complaint
    shape: Sequence[type] = [type(node) for node in tree.body]
    outputs = tree.body[0].nodes if shape == [nodes.Output] and isinstance(tree.body[0], nodes.Output) else []
    if len(outputs) != 1 or isinstance(outputs[0], nodes.TemplateData):
        return "there is more than one expression in it"
    return ""


@lru_cache(maxsize=256)
def imbalance(skeleton: str) -> str:
    """What is wrong with a sequence of expressions and statements, or ""."""
    return _read(skeleton)[1]


def _read(source: str) -> tuple[nodes.Template | None, str]:
    """A template in the merge language, or None and what is wrong with it."""
    try:
        tree = MERGE_LANGUAGE.parse(source)
        refuse_unknown(tree)
        MERGE_LANGUAGE.compile(tree)
    except (jinja2.TemplateError, ValueError) as error:
        return None, str(error)
    except RecursionError:
        return None, "it is nested too deeply"
    return tree, ""
