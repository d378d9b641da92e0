"""What belongs to the user is left alone: torch's global generator."""

import threading
from collections.abc import Callable
from typing import Any

import torch

from agents import PPO
from tests.agents.making import ITERATION, make_agent, observe, training_state

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
