"""Joining modules to one script."""

from pathlib import Path

import pytest

from explain.page.inlining import join_modules


def test_each_module_comes_once_after_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "app.js").write_text('import { b } from "./views/b.js";\nimport {\n  a,\n} from "./a.js";\n\na(b);\n')
    (tmp_path / "a.js").write_text("export function a(x) {}\n")
    (tmp_path / "views" / "b.js").write_text('import { a } from "../a.js";\nexport const b = a;\n')
    joined = join_modules(tmp_path / "app.js")
    assert [line for line in joined.splitlines() if line] == ["function a(x) {}", "const b = a;", "a(b);"]


def test_an_import_under_another_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b as c } from "./b.js";\n\nc();\n')
    (tmp_path / "b.js").write_text("export function b() {}\n")
    with pytest.raises(ValueError, match=r"under the name of the export, got .*b as c.* in a\.js"):
        join_modules(tmp_path / "a.js")


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"without import circles, got one through a\.js"):
        join_modules(tmp_path / "a.js")
