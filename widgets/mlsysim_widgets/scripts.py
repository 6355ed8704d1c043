"""Scripts: the modules below `static/` as one, since a widget is handed to the browser whole."""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default\b)", re.MULTILINE)


def script(name: str) -> str:
    """Return a module of `static/` after all that it imports, each once, as one module.

    Modules import names from files beside them, and none is the name of two things.

    >>> "export function tableOf" in script("dom.js"), "import {" in script("dashboard.js")
    (False, False)
    """
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in _modules(name, {}).values())


def style(*names: str) -> str:
    """Return style sheets of `static/` one after the other."""
    return "\n".join(STATIC.joinpath(name).read_text("utf-8") for name in names)


def _modules(name: str, seen: dict[str, str]) -> dict[str, str]:
    text = STATIC.joinpath(name).read_text("utf-8")
    for imported in _IMPORT.findall(text):
        if imported not in seen:
            _modules(imported, seen)
    seen[name] = text
    return seen
