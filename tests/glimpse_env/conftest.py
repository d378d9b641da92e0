"""What the tests of the environment share: data sets that a test registers are forgotten after it."""

import pytest

from glimpse_env.data import datasets


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_loaders", dict(datasets._loaders))
    monkeypatch.setattr(datasets, "_held", dict(datasets._held))
