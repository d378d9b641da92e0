"""What callbacks find of a step in their `locals`, under the names of Stable-Baselines3's on-policy algorithms."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from agents.algorithms.rollout import Rollout
from agents.sb3 import infos
from glimpse_env.dataset_rollout import to_numpy
from glimpse_env.spaces import pack_action


def step_locals(rollout: Rollout, seconds: float) -> list[dict[str, Any]]:
    """Tells the steps of a rollout one by one.

    Args:
        rollout: One episode of T steps in each of N sub-environments.
        seconds: Seconds since the training began.

    Returns:
        For each step `n_steps`, its number from 1; `obs_tensor`, what the agent saw; `actions`, as drawn,
        `(N, 2 + num_classes)`; `new_obs`, the observation after the step; `rewards`, `(N,)` float32; `dones`, `(N,)`
        bool; and `infos`, a sequence of one dict per sub-environment.
    """
    length, num_envs = rollout.rewards.shape
    seen = rollout.observations
    observations = {key: to_numpy(values) for key, values in seen.items()}
    first = {key: to_numpy(values) for key, values in rollout.next_observation.items()}
    actions = to_numpy(pack_action(rollout.locations, rollout.logits.detach()))
    rewards = to_numpy(rollout.rewards)
    told = [
        {
            "n_steps": step + 1,
            "obs_tensor": {key: values[step] for key, values in seen.items()},
            "actions": actions[step],
            "new_obs": {key: values[step + 1] for key, values in observations.items()} if step + 1 < length else first,
            "rewards": rewards[step],
            "dones": np.full(num_envs, step + 1 == length),
            "infos": infos.LazyInfos(partial(infos.going_on, num_envs), num_envs),
        }
        for step in range(length)
    ]
    outcome = {"label": rollout.labels, "prediction": rollout.predictions, "is_success": rollout.is_success}
    last = {key: values[-1] for key, values in seen.items()}

    def at_the_end() -> list[dict[str, Any]]:
        returns = rewards.sum(0, dtype=np.float64)
        return infos.at_the_end(outcome, infos.unbatched(last), returns, length, seconds)

    told[-1]["infos"] = infos.LazyInfos(at_the_end, num_envs)
    return told
