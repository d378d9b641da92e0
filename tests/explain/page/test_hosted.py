"""The hosted pages of the documentation are made with the modules as they are."""

from pathlib import Path

import pytest

import explain.page
from explain.page.inlining import join_modules

FOLDER = Path(explain.page.__file__).parent
HOSTED = Path(__file__).parents[3] / "docs" / "_static"


@pytest.mark.parametrize("name", ["watch-mnist.html", "watch-cluttered.html"])
def test_a_hosted_page_has_the_present_code(name: str) -> None:
    page = (HOSTED / name).read_text(encoding="utf-8")
    code = [join_modules(FOLDER / "modules" / module) for module in ("app.js", "worker.js")]
    code.append((FOLDER / "templates" / "page.css").read_text(encoding="utf-8"))
    assert all(part in page for part in code), f"{name} was made with other code: run `make pages`"
