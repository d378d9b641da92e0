"""RLlib's PPO on the native vector environment; needs `pip install ".[others]"`.

python scripts/examples/rllib_ppo.py

RLlib asks for an environment by a name that was registered with it. With `gym_env_vectorize_mode` it takes a vector
environment as it is, and expects that the step after the last one begins the next episode: `"next_step"`.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.connectors.env_to_module import FlattenObservations
from ray.tune.registry import register_env

NUM_GLIMPSES = 6


def make_envs(context: Any) -> VectorEnv[Any, Any, Any]:
    """What RLlib calls; `context` says how many sub-environments it wants, and has `env_config` as its entries."""
    import glimpse_env  # noqa: F401  # registers the ids, in each process of RLlib's

    return gym.make_vec(
        context["env_id"],
        context["num_envs"],
        vectorization_mode="vector_entry_point",
        autoreset_mode="next_step",
        num_glimpses=NUM_GLIMPSES,
        reward="anytime",
    )


def make_algorithm(env_id: str = "GlimpseDigits-v0", num_envs: int = 64, seed: int = 0) -> PPO:
    """Makes PPO that plays in this process, with a policy that remembers no glimpse but the present one."""
    register_env("glimpses", make_envs)
    config = (
        PPOConfig()
        # Actions as the policy draws them. RLlib would stretch logits to [-20, 20], and exploration with them.
        .environment("glimpses", env_config={"env_id": env_id, "num_envs": num_envs}, normalize_actions=False)
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=num_envs,
            gym_env_vectorize_mode="vector_entry_point",
            # The networks of RLlib take vectors: here the pixels of the glimpse, and its location.
            env_to_module_connector=lambda *parts, **named: FlattenObservations(),
        )
        .training(train_batch_size=4 * num_envs * NUM_GLIMPSES, minibatch_size=256, num_epochs=10, lr=1e-3, gamma=1.0)
        .debugging(seed=seed)
    )
    return config.build_algo()


def main(num_iterations: int = 20) -> list[float]:
    """Trains, and returns the mean reward of an episode in each iteration."""
    algorithm = make_algorithm()
    returns = []
    for iteration in range(num_iterations):
        returns.append(algorithm.train()["env_runners"]["episode_return_mean"])
        print(f"iteration {iteration + 1}: mean reward of an episode {returns[-1]:.2f}")
    algorithm.stop()
    return returns


if __name__ == "__main__":
    main()
