"""The accuracy of an agent after each glimpse, over a whole split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from agents.environments import EnvironmentSpec
from glimpse_env.config import check_integer
from glimpse_env.dataset_rollout import dataset_rollout, world_of
from glimpse_env.utils.errors import shown
from glimpse_env.utils.threads import torch_threads
from glimpse_env.utils.wilson import wilson_interval

NUM_ENVS = 500


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an agent did on `M` images with `T` glimpses each.

    Attributes:
        num_images: M.
        accuracy: Fraction of images whose most probable class was the true one after each glimpse, `(T,)`.
        low: Lower ends of the 95 % Wilson confidence intervals of the accuracy, `(T,)`.
        high: Upper ends, `(T,)`.
        mean_return: Mean over images of the sum of rewards.
        labels: True classes, `(M,)` int64; image `i` of the split is in row `i` here and below.
        predictions: The most probable class after each glimpse, `(M, T)` int64.
        locations: Where the glimpses were taken, `(M, T, 2)` float32.
    """

    num_images: int
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean_return: float
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    locations: NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """The figures as plain numbers and lists, without what is known of each image."""
        return {
            "num_images": self.num_images,
            "accuracy": self.accuracy.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "mean_return": self.mean_return,
        }


def evaluate(
    agent: Any, env: str | VectorEnv[Any, Any, Any] | None = None, *, seed: int = 0, num_threads: int = 1
) -> Evaluation:
    """Measures an agent on each image of a split exactly once, with deterministic actions.

    Image `i` is seen as `env.reset(seed=seed + i, options={"index": i})` shows it in a single environment, so that the
    result does not depend on how many sub-environments the vector environment has.

    Args:
        agent: Anything with the `predict` of Stable-Baselines3, recurrent or not.
        env: The native vector environment to act in, wrapped as the agent needs it, or an id, of which the test split
            is taken. By default `agent.make_vec_env(..., split="test")`.
        seed: Of the first location of each image, where the environment draws it.
        num_threads: Threads that torch takes on the CPU; more change the last digits.

    Raises:
        TypeError: The agent or the environment is none, or a number is no integer.
        ValueError: The environment is no native vector environment, there is no such id, or a number is out of range.

    Example:
        >>> from agents import REINFORCE
        >>> agent = REINFORCE("glimpse_env:GlimpseDigits-v0", num_envs=64, seed=0).learn(64 * 6 * 200)
        >>> evaluation = evaluate(agent)
        >>> evaluation.num_images, evaluation.accuracy.shape
        (360, (6,))
        >>> bool(evaluation.low[-1] < evaluation.accuracy[-1] < evaluation.high[-1])
        True
    """
    check_integer("seed", seed, 0)
    for name in ("predict",) if env is not None else ("predict", "make_vec_env"):
        if not callable(getattr(agent, name, None)):
            raise TypeError(f"expected an agent with the method {name}, got {shown(agent)}")
    if not isinstance(env, str | VectorEnv | None):
        raise TypeError(f"expected a native vector environment, an id or None, got {shown(env)}")
    envs: Any = env
    if env is None:
        envs = agent.make_vec_env(NUM_ENVS, split="test")
    elif isinstance(env, str):
        envs = EnvironmentSpec(env, {}).make_vec(NUM_ENVS, split="test")
    world = world_of(envs)
    labels = world.dataset.labels.numpy().copy()
    returns = np.zeros(len(labels))
    predictions = np.zeros((len(labels), world.config.num_glimpses), dtype=np.int64)
    locations = np.zeros((*predictions.shape, 2), dtype=np.float32)
    with torch_threads(num_threads):
        for batch in dataset_rollout(agent, envs, seed=seed):
            images, new = batch.images, slice(len(batch.images))
            locations[images, batch.glimpse] = batch.observation["location"][new]
            predictions[images, batch.glimpse] = batch.logits.argmax(-1)[new]
            returns[images] += batch.rewards[new]
    successes = (predictions == labels[:, None]).sum(0)
    low, high = wilson_interval(successes, len(labels))
    return Evaluation(
        num_images=len(labels),
        accuracy=successes / len(labels),
        low=low,
        high=high,
        mean_return=float(returns.mean()),
        labels=labels,
        predictions=predictions,
        locations=locations,
    )
