"""Rollouts: whole episodes, as the environment tells them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

from agents.algorithms.rollout import BehaviourPolicy, Rollout, collect
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.retina import Retina
from glimpse_env.spaces import action_space, observation_space

N, H = 5, 16


def make_policy(core: str = "rnn") -> RAMPolicy:
    torch.manual_seed(0)
    return RAMPolicy(
        observation_space(1, Retina(8, 1)), action_space(10), core=core, hidden_size=H, what_size=8, where_size=8
    )


class Watched(gym.vector.VectorWrapper[Any, Any, Any, Any, Any]):
    """Remembers what the environment was asked and answered."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.steps: list[tuple[Any, ...]] = []

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        answer = self.env.step(actions)
        self.steps.append((actions, *answer))
        return answer


def play(
    seed: int = 0,
    noise_seed: int = 0,
    policy: RAMPolicy | None = None,
    path: torch.Tensor | None = None,
    num_exploratory: int = 0,
    **arguments: Any,
) -> tuple[Rollout, Watched]:
    envs = Watched(
        gym.make_vec("GlimpseDigits-v0", num_envs=N, vectorization_mode="vector_entry_point", device="cpu", **arguments)
    )
    observation, _ = envs.reset(seed=seed)
    generator = torch.Generator().manual_seed(noise_seed)
    behaviour = BehaviourPolicy(policy or make_policy(), generator, path, num_exploratory)
    return collect(behaviour, envs, observation), envs


@pytest.mark.parametrize("core", ["rnn", "lstm"])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_shapes(steps: int, core: str) -> None:
    rollout, _ = play(num_glimpses=steps, policy=make_policy(core))
    assert rollout.observations["glimpse"].shape == (steps, N, 1, 8, 8)
    assert rollout.observations["location"].shape == (steps, N, 2)
    assert rollout.locations.shape == rollout.means.shape == (steps, N, 2)
    assert rollout.hidden.shape == (steps, N, H)
    assert rollout.logits.shape == (steps, N, 10)
    assert rollout.rewards.shape == (steps, N)
    assert rollout.labels.shape == rollout.is_success.shape == (N,)
    assert rollout.is_success.dtype == torch.bool
    assert rollout.next_observation["glimpse"].shape == (N, 1, 8, 8)


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_it_tells_what_the_environment_said(reward: str) -> None:
    rollout, envs = play(reward=reward)
    assert len(envs.steps) == 6
    for step, (actions, seen, rewards, _, _, _) in enumerate(envs.steps):
        assert torch.equal(actions, torch.cat([rollout.locations[step], rollout.logits[step]], dim=-1))
        assert torch.equal(rewards, rollout.rewards[step])
        after = rollout.next_observation if step == 5 else {k: v[step + 1] for k, v in rollout.observations.items()}
        assert torch.equal(seen["glimpse"], after["glimpse"])
        assert torch.equal(seen["location"], after["location"])
    final = envs.steps[-1][-1]["final_info"]
    assert torch.equal(rollout.labels, final["label"])
    assert torch.equal(rollout.is_success, final["is_success"])
    assert torch.equal(rollout.is_success, rollout.logits[-1].argmax(-1) == rollout.labels)


def test_labels_are_of_the_episodes_played_not_of_the_next() -> None:
    _, envs = play()
    images = envs.unwrapped.world.dataset  # type: ignore[attr-defined]
    _, first = envs.reset(seed=3, options={"episode": 0})
    observation, _ = envs.reset(seed=3, options={"episode": 0})
    rollout = collect(BehaviourPolicy(make_policy(), torch.Generator()), envs, observation)
    assert torch.equal(rollout.labels, images.labels[first["index"]])


def test_the_hard_reward_is_paid_at_the_end() -> None:
    rollout, _ = play()
    assert not rollout.rewards[:-1].any()
    assert torch.equal(rollout.rewards[-1], rollout.is_success.float())


def test_the_agent_looks_where_it_chose_to() -> None:
    rollout, _ = play()
    looked = rollout.observations["location"][1:]
    assert torch.equal(looked, rollout.locations[:-1].clamp(-1, 1))


def test_the_generator_decides() -> None:
    one, other, third = play()[0], play()[0], play(noise_seed=1)[0]
    assert torch.equal(one.locations, other.locations)
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.labels, third.labels)
    assert not torch.equal(one.locations, third.locations)


def test_nobody_elses_random_numbers_are_used() -> None:
    policy = make_policy()
    before = torch.get_rng_state()
    play(policy=policy)
    assert torch.equal(before, torch.get_rng_state())


def test_locations_are_noise_around_the_means() -> None:
    policy = make_policy()
    policy.location_std.fill_(0.5)
    rollout, _ = play(policy=policy)
    generator = torch.Generator().manual_seed(0)
    noise = torch.stack([torch.randn(N, 2, generator=generator) for _ in range(6)])
    torch.testing.assert_close(rollout.locations, (rollout.means + 0.5 * noise).detach())


def test_gradients_flow_only_where_they_should() -> None:
    rollout, _ = play()
    assert rollout.logits.requires_grad
    assert rollout.means.requires_grad
    assert not rollout.locations.requires_grad
    assert not rollout.rewards.requires_grad
    with torch.no_grad():
        assert not play()[0].logits.requires_grad


def test_episodes_follow_each_other() -> None:
    rollout, envs = play()
    following = collect(BehaviourPolicy(make_policy(), torch.Generator()), envs, rollout.next_observation)
    assert torch.equal(following.observations["glimpse"][0], rollout.next_observation["glimpse"])
    assert len(envs.steps) == 12


def test_a_demonstration_path_is_followed_with_the_policys_noise() -> None:
    path = torch.tensor([[0.5, -0.5], [-0.25, 0.75]])
    free, _ = play()
    cloning, _ = play(path=path)
    assert not free.cloning
    assert cloning.cloning
    assert cloning.on_policy.all()
    torch.testing.assert_close(cloning.locations - path.repeat(3, 1)[:, None], free.locations - free.means)


def test_exploratory_episodes_look_anywhere_and_the_others_follow_the_policy() -> None:
    plain, _ = play()
    rollout, _ = play(num_exploratory=2)
    assert rollout.on_policy.tolist() == [False, False, True, True, True]
    assert torch.equal(rollout.observations["glimpse"][0], plain.observations["glimpse"][0])
    assert (rollout.locations[:, :2].abs() <= 1).all()
    assert rollout.locations[:, :2].std() > 0.3
    deviations = (rollout.locations - rollout.means)[:, 2:]
    assert deviations.abs().max() < 5 * make_policy().location_std
