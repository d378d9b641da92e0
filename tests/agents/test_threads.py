"""Training and evaluating choose their number of threads, and leave the user's as it was."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import agents
from agents.baselines import convnet
from agents.baselines.location_policies import LocationOverride
from tests.agents.making import EVERY_ALGORITHM, ID, ITERATION, assert_same_weights, make_agent, weights
from tests.torch_defaults import OF_THE_USER

pytestmark = pytest.mark.usefixtures("threads_of_the_user")


def threads_while_learning(agent: Any, steps: int = ITERATION) -> set[int]:
    seen: set[int] = set()
    agent.learn(steps, lambda *_: bool(seen.add(torch.get_num_threads()) or True), reset_num_timesteps=False)
    return seen


@EVERY_ALGORITHM
def test_learning_takes_one_thread_by_default_and_as_many_as_asked(algorithm: Any, tmp_path: Path) -> None:
    assert threads_while_learning(make_agent(algorithm)) == {1}
    agent = make_agent(algorithm, num_threads=2)
    assert threads_while_learning(agent) == {2}
    agent.save(tmp_path / "agent")
    assert threads_while_learning(agents.load(tmp_path / "agent")) == {2}


@EVERY_ALGORITHM
def test_how_many_threads_the_user_has_changes_nothing(algorithm: Any) -> None:
    of_three = make_agent(algorithm).learn(2 * ITERATION)
    torch.set_num_threads(1)
    of_one = make_agent(algorithm).learn(2 * ITERATION)
    torch.set_num_threads(OF_THE_USER)
    assert_same_weights(weights(of_three), weights(of_one))


def test_an_error_leaves_the_number_as_it_was() -> None:
    def fail(*_: Any) -> bool:
        raise KeyError

    with pytest.raises(KeyError):
        make_agent().learn(ITERATION, fail)


@pytest.mark.parametrize("asked", [{}, {"num_threads": 2}])
def test_evaluating_takes_one_thread_by_default_and_as_many_as_asked(asked: dict[str, int]) -> None:
    seen: set[int] = set()

    class Watched(LocationOverride):
        def predict(self, *arguments: Any, **more: Any) -> Any:
            seen.add(torch.get_num_threads())
            return super().predict(*arguments, **more)

    agents.evaluate(Watched(make_agent(), lambda steps: torch.zeros(len(steps), 2).numpy()), **asked)
    assert seen == {asked.get("num_threads", 1)}


@pytest.mark.parametrize("asked", [{}, {"num_threads": 2}])
def test_training_a_convolutional_network_takes_one_thread_by_default(
    asked: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()

    class Watched(convnet.ConvNet):
        def forward(self, canvases: torch.Tensor) -> torch.Tensor:
            seen.add(torch.get_num_threads())
            return super().forward(canvases)

    monkeypatch.setattr(convnet, "ConvNet", Watched)
    convnet.train_convnet(ID, num_images=128, **asked)
    assert seen == {asked.get("num_threads", 1)}


def test_going_on_with_other_digits_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "an old processor")
        make_agent(num_threads=2).learn(ITERATION).save(tmp_path / "agent")
    loaded = agents.load(tmp_path / "agent")
    with pytest.warns(UserWarning, match=r"trained with .*'an old processor', 'num_threads': 2.* goes on with .*2"):
        loaded.learn(ITERATION, reset_num_timesteps=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.learn(ITERATION, reset_num_timesteps=False)
        loaded.save(tmp_path / "agent")
        agents.load(tmp_path / "agent").learn(ITERATION, reset_num_timesteps=False)
