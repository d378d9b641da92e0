"""What belongs to the user: torch's global generator is left alone, its default dtype and device do not matter."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import agents
from agents import A2C, PPO, REINFORCE, Algorithm
from agents.baselines.convnet import convnet_accuracy, train_convnet
from glimpse_env.utils.threads import torch_threads
from tests.agents.making import ID, ITERATION, make_agent, observe, training_state
from tests.torch_defaults import OTHER_DEFAULTS, torch_defaults

THREADS = 8


def in_threads(work: Callable[[], Any]) -> list[Any]:
    """What `work` returns in each of eight threads that begin at the same moment."""
    results: list[Any] = [None] * THREADS
    start = threading.Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        results[number] = work()

    workers = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def train_and_act() -> dict[str, Any]:
    agent = make_agent(PPO, seed=3, exploration_fraction=0.5).learn(ITERATION)
    with torch_threads(1):  # as learning does; a new thread may have another number of them
        actions, states = agent.predict(observe(5))
    return training_state(agent) | {"actions": torch.from_numpy(actions), "states": torch.from_numpy(states)}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, msg=name)


def test_agents_in_threads_neither_disturb_each_other_nor_the_user() -> None:
    expected = train_and_act()
    torch.manual_seed(5)
    of_the_user = torch.rand(2000)
    torch.manual_seed(5)
    drawn: list[torch.Tensor] = []
    done = threading.Event()

    def draw() -> None:
        while not done.is_set() and len(drawn) < len(of_the_user):
            drawn.append(torch.rand(()))

    user = threading.Thread(target=draw)
    user.start()
    results = in_threads(train_and_act)
    done.set()
    user.join()
    assert drawn
    for result in results:
        assert_equal(result, expected)
    assert torch.equal(torch.stack(drawn), of_the_user[: len(drawn)])


def go_through_life(algorithm: type[Algorithm], core: str, path: Path) -> dict[str, Any]:
    """Makes, trains, saves, loads and evaluates an agent, and lets it act."""
    path_of_glimpses = ((0.1, 0.2), (0.3, -0.4))
    agent = make_agent(
        algorithm, core=core, exploration_fraction=0.5, demonstration_path=path_of_glimpses, warmup_fraction=0.5
    )
    agent.learn(2 * ITERATION).save(path)
    loaded = agents.load(path)
    action, state = loaded.predict(observe(3))
    action, state = loaded.predict(observe(3), state, np.array([True, False, False]))
    evaluation = agents.evaluate(loaded)
    return training_state(loaded) | {
        "action": torch.from_numpy(action),
        "state": torch.from_numpy(state),
        "predictions": torch.from_numpy(evaluation.predictions),
        "locations": torch.from_numpy(evaluation.locations),
        "mean return": torch.as_tensor(evaluation.mean_return, dtype=torch.float64, device="cpu"),
    }


@OTHER_DEFAULTS
@pytest.mark.parametrize(("algorithm", "core"), [(REINFORCE, "rnn"), (A2C, "gru"), (PPO, "lstm")])
def test_agents_are_the_same_whatever_the_defaults_of_torch(
    algorithm: type[Algorithm], core: str, others: dict[str, str], tmp_path: Path
) -> None:
    expected = go_through_life(algorithm, core, tmp_path / "agent")
    with torch_defaults(**others):
        got = go_through_life(algorithm, core, tmp_path / "agent")
    assert_equal(got, expected)


@OTHER_DEFAULTS
def test_convolutional_networks_are_the_same_whatever_the_defaults_of_torch(others: dict[str, str]) -> None:
    def train_and_measure() -> tuple[dict[str, torch.Tensor], float]:
        network = train_convnet(ID, num_images=256)
        return network.state_dict(), convnet_accuracy(network, ID)

    expected, accuracy = train_and_measure()
    with torch_defaults(**others):
        weights, measured = train_and_measure()
    assert_equal(weights, expected)
    assert measured == accuracy
