"""TorchRL's PPO; needs `pip install ".[others]"`.

python scripts/examples/torchrl_ppo.py

TorchRL's `GymEnv` makes an id as it is. For training, its `GymWrapper` takes the native vector environment. It resets
sub-environments itself, so their mode is `"disabled"`.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from tensordict.nn import AddStateIndependentNormalScale, InteractionType, TensorDictModule
from torch import nn
from torch.distributions import Independent, Normal
from torchrl.envs import CatTensors, Compose, FlattenObservation, GymWrapper, TransformedEnv
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import glimpse_env  # noqa: F401  # registers the ids

NUM_GLIMPSES = 6


def independent_normal(loc: torch.Tensor, scale: torch.Tensor) -> Any:
    """A Gaussian over all numbers of an action; what the environment cannot take, it clips."""
    return Independent(Normal(loc, scale), 1)


def make_env(env_id: str = "GlimpseDigits-v0", num_envs: int = 64) -> TransformedEnv:
    """Makes a vector environment whose observations are vectors: the pixels of the glimpse, and its location."""
    envs = gym.make_vec(
        env_id,
        num_envs,
        vectorization_mode="vector_entry_point",
        autoreset_mode="disabled",
        num_glimpses=NUM_GLIMPSES,
        reward="anytime",
    )
    seen = Compose(
        FlattenObservation(-3, -1, in_keys=["glimpse"]), CatTensors(["glimpse", "location"], "seen", del_keys=False)
    )
    return TransformedEnv(GymWrapper(envs), seen)


def main(num_iterations: int = 20, seed: int = 0) -> list[float]:
    """Trains, and returns the mean reward of an episode in each iteration."""
    torch.manual_seed(seed)
    env = make_env()
    env.set_seed(seed)
    inputs, outputs = env.observation_spec["seen"].shape[-1], env.action_spec.shape[-1]
    mean = nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, outputs))
    policy = ProbabilisticActor(
        TensorDictModule(
            nn.Sequential(mean, AddStateIndependentNormalScale(outputs)), in_keys=["seen"], out_keys=["loc", "scale"]
        ),
        in_keys=["loc", "scale"],
        distribution_class=independent_normal,
        return_log_prob=True,
        default_interaction_type=InteractionType.RANDOM,  # otherwise a rollout takes the means
    )
    critic = ValueOperator(nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 1)), in_keys=["seen"])
    advantage = GAE(gamma=1.0, lmbda=1.0, value_network=critic, average_gae=True)
    loss_of = ClipPPOLoss(policy, critic, entropy_bonus=False)
    optimizer = torch.optim.Adam(loss_of.parameters(), lr=3e-3)
    returns = []
    for iteration in range(num_iterations):
        with torch.no_grad():
            # Four episodes in every sub-environment.
            episodes = env.rollout(4 * NUM_GLIMPSES, policy, break_when_any_done=False)
        for _ in range(10):
            advantage(episodes)
            losses = loss_of(episodes.flatten())
            optimizer.zero_grad()
            (losses["loss_objective"] + losses["loss_critic"]).backward()
            optimizer.step()
        returns.append(NUM_GLIMPSES * episodes["next", "reward"].mean().item())
        print(f"iteration {iteration + 1}: mean reward of an episode {returns[-1]:.2f}")
    return returns


if __name__ == "__main__":
    main()
