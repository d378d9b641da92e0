"""Sphinx builds the pages in this folder: `make docs`. No part of it needs the network."""

from __future__ import annotations

import importlib
import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import glimpse_env

PACKAGES = ("glimpse_env", "agents", "explain")

project = "glimpse-env"
author = copyright = "The glimpse-env authors"
version = release = glimpse_env.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# The tables of the study are a part of a page, not a page.
exclude_patterns = ["_build", "reference-study/*.md"]
nitpicky = True

html_theme = "furo"
html_title = "glimpse-env"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_math_renderer = "mathml"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A name in single backticks is a link where it is documented, and code where it is not.
default_role = "py:obj"
python_maximum_signature_line_length = 80
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_numpy_docstring = False


def to_rst(lines: list[str]) -> list[str]:
    """Rewrites what docstrings have of Markdown, headings and tables, and shows indented equations as they are typed.

    Args:
        lines: A docstring, as Napoleon leaves it.
    """
    rewritten: list[str] = []
    table: list[list[str]] = []
    for line in [*lines, ""]:
        if re.fullmatch(r"\|.*\|", line):
            table.append([cell.strip() for cell in line.strip("|").split(" | ")])
            continue
        if table:
            head, _, *rows = table
            rewritten += [".. list-table::", "   :header-rows: 1", ""]
            for row in [head, *rows]:
                for column, cell in enumerate(row):
                    rewritten.append(f"   {'* -' if column == 0 else '  -'} {cell}")
            table = []
        heading = re.fullmatch(r"#+ (.+)", line)
        line = re.sub(r"(?<!`)(`[^`]+`)(?=\w)", r"\1\\ ", line)  # a plural: reST wants a break after the backtick
        rewritten += [f".. rubric:: {heading[1]}", ""] if heading else [line]
    return _show_equations(rewritten)


def _show_equations(lines: list[str]) -> list[str]:
    """Makes a literal block of each indented block that follows a paragraph ending in a colon."""
    shown = list(lines)
    for number, line in enumerate(lines[:-2]):
        blank, after = lines[number + 1 : number + 3]
        indent = len(line) - len(line.lstrip())
        is_text = line.rstrip().endswith(":") and not line.lstrip().startswith((".. ", ":"))
        if is_text and not blank and after.startswith(" " * (indent + 4)) and not after.lstrip().startswith(">>>"):
            shown[number] = line.rstrip() + ":"
    return shown


def keep_first_line(app: Any, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Called by autodoc before Napoleon, which takes what stands before a colon in a field's docstring for a type."""
    if kind in ("attribute", "data", "property") and lines:
        lines[0] = f": {lines[0]}"


def rewrite_docstring(app: Any, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Called by autodoc for each docstring."""
    lines[:] = to_rst(lines)


def resolve_reference(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Called by Sphinx where a Python name leads nowhere as it is written.

    Annotations name the module in which a class is defined, and the pages document it under the package that exports
    it. A name in a docstring is code if it is not documented. All else that does not exist is an error.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    name = target.rpartition(".")[2]
    domain = env.get_domain("py")
    for package in PACKAGES:
        if f"{package}.{name}" in domain.objects and (node["reftype"] != "obj" or "." not in target):
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"{package}.{name}", node, contnode)
    if node["reftype"] == "obj" or not target.startswith(PACKAGES) or _exists(target):
        return contnode
    return None


def _exists(target: str) -> bool:
    """Whether there is an object of that dotted name."""
    module, _, name = target.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def write_math(translator: Any, node: nodes.math | nodes.math_block) -> None:
    """Called by Sphinx for each equation: browsers draw MathML without a script, and so without the network."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(write_math, None), block_renderers=(write_math, None))
    app.connect("autodoc-process-docstring", keep_first_line, priority=400)
    app.connect("autodoc-process-docstring", rewrite_docstring, priority=900)
    app.connect("missing-reference", resolve_reference)
