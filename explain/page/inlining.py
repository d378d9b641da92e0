"""Joins ES modules to one script, so that a page needs no file beside it.

The modules import names from each other, `import { name } from "./file.js";`, and export names where these are defined.
Without its imports and the word `export`, each is a part of one large module. That holds as long as nothing is imported
under another name, and no two modules define the same name, which is an error in the browser.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "(?P<path>\./[^"]+|\.\./[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function|let)\b)", re.MULTILINE)


def join_modules(entry: Path) -> str:
    """Joins a module and all that it needs, each after what it imports.

    Args:
        entry: The file of the module.

    Raises:
        ValueError: Modules import each other in a circle, or a name under another one.
    """
    joined: dict[Path, str] = {}
    _visit(entry.resolve(), joined, [])
    return "\n".join(joined.values())


def _visit(module: Path, joined: dict[Path, str], importing: list[Path]) -> None:
    if module in joined:
        return
    if module in importing:
        raise ValueError(f"expected modules without import circles, got one through {module.name}")
    text = module.read_text(encoding="utf-8")
    for found in _IMPORT.finditer(text):
        if " as " in found[0]:
            raise ValueError(
                f"expected imports under the name of the export, got {found[0].strip()!r} in {module.name}"
            )
        _visit((module.parent / found["path"]).resolve(), joined, [*importing, module])
    joined[module] = _EXPORT.sub("", _IMPORT.sub("", text)).strip() + "\n"
