"""Rollouts: whole episodes as the environment returns them, and the behaviour policy that chooses their locations."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

from agents.algorithms.rollout import BehaviourPolicy, Rollout, can_act, collect
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.retina import Retina
from glimpse_env.spaces import action_space, observation_space
from tests.agents.making import EVERY_REWARD, ID

N, H = 5, 16
PATH = torch.tensor([[0.5, -0.5], [-0.25, 0.75]])


def make_policy(core: str = "rnn") -> RAMPolicy:
    sizes = {"hidden_size": H, "what_size": 8, "where_size": 8}
    return RAMPolicy(observation_space(1, Retina(8, 1)), action_space(10), core=core, seed=0, **sizes)


def behave(policy: RAMPolicy | None = None, noise_seed: int = 0, **changes: Any) -> BehaviourPolicy:
    return BehaviourPolicy(policy or make_policy(), torch.Generator().manual_seed(noise_seed), **changes)


class Watched(gym.vector.VectorWrapper):
    """Remembers the actions that the environment took, and what it returned."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.steps: list[tuple[Any, ...]] = []

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        result = self.env.step(actions)
        self.steps.append((actions, *result))
        return result


def play(behaviour: BehaviourPolicy | None = None, **arguments: Any) -> tuple[Rollout, Watched]:
    envs = Watched(gym.make_vec(ID, num_envs=N, vectorization_mode="vector_entry_point", device="cpu", **arguments))
    observation, _ = envs.reset(seed=0)
    return collect(behaviour or behave(), envs, observation), envs


@pytest.mark.parametrize("core", ["rnn", "lstm"])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_shapes(steps: int, core: str) -> None:
    rollout, _ = play(behave(make_policy(core)), num_glimpses=steps)
    assert rollout.observations["glimpse"].shape == (steps, N, 1, 8, 8)
    assert rollout.observations["location"].shape == (steps, N, 2)
    assert rollout.locations.shape == rollout.means.shape == (steps, N, 2)
    assert rollout.hidden.shape == (steps, N, H)
    assert rollout.logits.shape == (steps, N, 10)
    assert rollout.rewards.shape == (steps, N)
    assert rollout.labels.shape == rollout.is_success.shape == rollout.on_policy.shape == (N,)
    assert rollout.is_success.dtype == rollout.on_policy.dtype == torch.bool
    assert rollout.next_observation["glimpse"].shape == (N, 1, 8, 8)


@EVERY_REWARD
def test_it_holds_what_the_environment_returned(reward: str) -> None:
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


def test_labels_are_those_of_the_episodes_in_it_not_of_the_next() -> None:
    _, envs = play()
    images = envs.unwrapped.world.dataset  # type: ignore[attr-defined]
    _, first = envs.reset(seed=3, options={"episode": 0})
    observation, _ = envs.reset(seed=3, options={"episode": 0})
    rollout = collect(behave(), envs, observation)
    assert torch.equal(rollout.labels, images.labels[first["index"]])


def test_the_hard_reward_comes_at_the_end() -> None:
    rollout, _ = play()
    assert not rollout.rewards[:-1].any()
    assert torch.equal(rollout.rewards[-1], rollout.is_success.float())


def test_glimpses_are_taken_at_the_chosen_locations() -> None:
    rollout, _ = play()
    assert torch.equal(rollout.observations["location"][1:], rollout.locations[:-1].clamp(-1, 1))


def test_the_generator_decides() -> None:
    one, other, third = play()[0], play()[0], play(behave(noise_seed=1))[0]
    assert torch.equal(one.locations, other.locations)
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.labels, third.labels)
    assert not torch.equal(one.locations, third.locations)


def test_the_global_random_numbers_are_left_alone() -> None:
    behaviour = behave(num_exploratory=2)
    before = torch.get_rng_state()
    play(behaviour)
    assert torch.equal(before, torch.get_rng_state())


def test_locations_are_drawn_around_the_means() -> None:
    policy = make_policy()
    policy.location_std.fill_(0.5)
    rollout, _ = play(behave(policy))
    generator = torch.Generator().manual_seed(0)
    noise = torch.stack([torch.randn(N, 2, generator=generator) for _ in range(6)])
    torch.testing.assert_close(rollout.locations, (rollout.means + 0.5 * noise).detach())


def test_gradients_flow_through_the_policy_and_not_through_the_environment() -> None:
    rollout, _ = play()
    assert rollout.logits.requires_grad
    assert rollout.means.requires_grad
    assert not rollout.locations.requires_grad
    assert not rollout.rewards.requires_grad
    with torch.no_grad():
        assert not play()[0].logits.requires_grad


def test_episodes_follow_each_other() -> None:
    rollout, envs = play()
    following = collect(behave(), envs, rollout.next_observation)
    assert torch.equal(following.observations["glimpse"][0], rollout.next_observation["glimpse"])
    assert len(envs.steps) == 12


def test_locations_are_drawn_around_a_demonstration_path_again_and_again() -> None:
    rollout, _ = play()
    cloned, _ = play(behave(demonstration_path=PATH))
    assert not rollout.cloning
    assert cloned.cloning
    assert cloned.on_policy.all()
    torch.testing.assert_close(cloned.locations - PATH.repeat(3, 1)[:, None], rollout.locations - rollout.means)


def test_exploratory_episodes_look_anywhere_and_no_others_do() -> None:
    on_policy, _ = play()
    rollout, _ = play(behave(num_exploratory=2))
    assert rollout.on_policy.tolist() == [False, False, True, True, True]
    assert torch.equal(rollout.observations["glimpse"][0], on_policy.observations["glimpse"][0])
    deviations = (rollout.locations - rollout.means)[:, 2:]
    assert deviations.abs().max() < 5 * make_policy().location_std


def test_the_locations_of_exploratory_episodes_are_uniform() -> None:
    behaviour = behave(num_exploratory=20_000)
    chosen = behaviour.choose(torch.zeros(20_001, H), step=0)[:-1]
    assert chosen.abs().max() <= 1
    assert chosen.mean(0).abs().max() < 5 * (1 / 3 / 20_000) ** 0.5
    torch.testing.assert_close(chosen.var(0), torch.full((2,), 1 / 3), rtol=0.05, atol=0)


def test_an_episode_can_be_exploratory_during_the_warm_up_too() -> None:
    rollout, _ = play(behave(demonstration_path=PATH, num_exploratory=2))
    deviations = (rollout.locations - PATH.repeat(3, 1)[:, None])[:, 2:]
    assert deviations.abs().max() < 5 * make_policy().location_std
    assert rollout.on_policy.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("head", ["location_network.linear", "baseline", "classifier"])
def test_a_policy_whose_outputs_are_not_finite_cannot_act(head: str) -> None:
    policy, rollout = make_policy(), play()[0]
    observation = {key: value[0] for key, value in rollout.observations.items()}
    assert can_act(policy, observation, steps=6)
    with torch.no_grad():
        policy.get_submodule(head).bias.fill_(torch.nan)  # type: ignore[union-attr]
    assert not can_act(policy, observation, steps=6)
