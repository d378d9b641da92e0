"""Recording, fitting and explaining choose their number of threads, and leave the user's as it was."""

from typing import Any

import pytest
import torch

from explain import FitSettings, HiddenStateVAE, VAESettings, fit_vae, record
from tests.explain.test_explanation import explain_tiny, make_agent, make_env

pytestmark = pytest.mark.usefixtures("threads_of_the_user")


class Watched:
    """An agent that notes with how many threads it acts."""

    def __init__(self, seen: set[int]) -> None:
        self.agent, self.seen = make_agent(), seen

    def predict(self, *arguments: Any, **more: Any) -> Any:
        self.seen.add(torch.get_num_threads())
        return self.agent.predict(*arguments, **more)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of threads with which agents acted, and VAEs were fitted."""
    numbers: set[int] = set()
    encode = HiddenStateVAE.encode

    def watched(self: HiddenStateVAE, hidden: torch.Tensor) -> Any:
        numbers.add(torch.get_num_threads())
        return encode(self, hidden)

    monkeypatch.setattr(HiddenStateVAE, "encode", watched)
    return numbers


@pytest.mark.parametrize("asked", [{}, {"num_threads": 2}])
def test_recording_takes_one_thread_by_default_and_as_many_as_asked(seen: set[int], asked: dict[str, int]) -> None:
    record(Watched(seen), make_env("test"), 10, **asked)
    assert seen == {asked.get("num_threads", 1)}


@pytest.mark.parametrize("asked", [{}, {"num_threads": 2}])
def test_fitting_takes_one_thread_by_default_and_as_many_as_asked(seen: set[int], asked: dict[str, int]) -> None:
    states, images = torch.zeros(10, 2, 4), torch.zeros(10, 1, 4, 4, dtype=torch.uint8)
    fit_vae(states, images, VAESettings(layer_size=4), FitSettings(num_epochs=1, **asked))
    assert seen == {asked.get("num_threads", 1)}


def test_explaining_takes_one_thread_throughout(seen: set[int]) -> None:
    explain_tiny(Watched(seen), num_train=20, num_eig=2, policy_images=3)
    assert seen == {1}
