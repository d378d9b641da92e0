"""The progress bar: where training begins, how far it got, and the accuracy."""

from __future__ import annotations

from typing import Any

import pytest
from tqdm import tqdm

from agents import REINFORCE
from agents.sb3 import progress

T, N = 6, 4
ROUND = T * N


class Bar(tqdm):  # type: ignore[misc]
    """Remembers the bars that were made and what they showed."""

    made: list[Bar] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown: list[tuple[float, str]] = []
        self.closed = False
        Bar.made.append(self)

    def update(self, n: float | None = 1) -> bool | None:
        result: bool | None = super().update(n)
        self.shown.append((self.n, self.postfix))
        return result

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    monkeypatch.setattr(progress, "tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


def make() -> REINFORCE:
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8}
    return REINFORCE("GlimpseDigits-v0", policy_kwargs=sizes, num_envs=N, seed=0, device="cpu")


def test_it_counts_steps_and_shows_the_accuracy(bars: list[Bar]) -> None:
    agent = make().learn(3 * ROUND, progress_bar=True)
    (bar,) = bars
    assert bar.total == 3 * ROUND
    assert [steps for steps, _ in bar.shown] == [ROUND, 2 * ROUND, 3 * ROUND]
    assert bar.shown[-1][1] == f"accuracy={agent.recent_accuracy:.1%}"
    assert bar.closed


def test_it_goes_on_where_training_was_interrupted(bars: list[Bar]) -> None:
    agent = make().learn(ROUND, progress_bar=True)
    agent.learn(2 * ROUND, reset_num_timesteps=False, progress_bar=True)
    assert bars[1].initial == ROUND
    assert bars[1].total == 3 * ROUND
    assert [steps for steps, _ in bars[1].shown] == [2 * ROUND, 3 * ROUND]


def test_there_is_none_unless_wanted(bars: list[Bar]) -> None:
    make().learn(ROUND)
    assert bars == []


def test_a_training_that_a_callback_stops_closes_it(bars: list[Bar]) -> None:
    make().learn(9 * ROUND, callback=lambda *_: False, progress_bar=True)
    assert bars[0].closed


def test_a_training_that_fails_closes_it(bars: list[Bar]) -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        make().learn(9 * ROUND, callback=fail, progress_bar=True)
    assert bars[0].closed
