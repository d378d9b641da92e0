"""Branches: they earn what the episode would have earned there, and leave the episode as it was."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from agents.algorithms.branches import Branches, try_branches
from agents.algorithms.rollout import BehaviourPolicy, collect
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.spaces import pack_action
from tests.agents.making import EVERY_CORE, EVERY_REWARD, ID, SIZES

T, N, B = 3, 5, 4


def make(reward: str | None = "hard", core: str = "rnn") -> tuple[RAMPolicy, Any, dict[str, Tensor]]:
    envs = gym.make_vec(
        ID, num_envs=N, vectorization_mode="vector_entry_point", device="cpu", num_glimpses=T, reward=reward
    )
    spaces = envs.single_observation_space, envs.single_action_space
    policy = RAMPolicy(*spaces, core=core, baseline_size=8, seed=0, **SIZES)
    policy.location_std.fill_(0.5)
    observation, _ = envs.reset(seed=0)
    return policy, envs, observation


def branch(policy: RAMPolicy, envs: Any, state: Tensor, seed: int = 1) -> Branches:
    return try_branches(policy, envs.unwrapped.world, state, B, torch.Generator().manual_seed(seed))


@EVERY_CORE
@EVERY_REWARD
@torch.no_grad()
def test_an_outcome_is_what_going_there_earns(reward: str, core: str) -> None:
    for chosen in range(B):
        policy, envs, observation = make(reward, core)
        state = policy.remember(observation, policy.initial_state(N))
        envs.step(pack_action(torch.zeros(N, 2), policy.logits(policy.hidden(state))))
        for step in range(1, T):
            branches = branch(policy, envs, state, seed=step)
            # The episode goes on with the glimpse at the location that was tried.
            seen = envs.unwrapped.world.look_at(branches.locations)
            state = policy.remember({key: value[:, chosen] for key, value in seen.items()}, state)
            hidden = policy.hidden(state)
            _, earned, *_ = envs.step(pack_action(torch.zeros(N, 2), policy.logits(hidden)))
            following = policy.value(hidden) if step < T - 1 else 0.0
            torch.testing.assert_close(branches.outcomes[:, chosen], earned + following)


@EVERY_REWARD
def test_the_episode_is_as_if_nobody_had_tried(reward: str) -> None:
    episodes = []
    for tried in (False, True):
        policy, envs, observation = make(reward)
        state = policy.initial_state(N)
        rewards = []
        for step in range(T):
            state = policy.remember(observation, state)
            hidden = policy.hidden(state)
            observation, earned, *_ = envs.step(pack_action(policy.location_mean(hidden), policy.logits(hidden)))
            rewards.append(earned)
            if tried and step < T - 1:
                branch(policy, envs, state)
        episodes.append(torch.stack(rewards))
    assert torch.equal(*episodes)


def test_an_environment_that_pays_nothing_leaves_the_value() -> None:
    policy, envs, observation = make(None)
    state = policy.remember(observation, policy.initial_state(N))
    envs.step(pack_action(torch.zeros(N, 2), torch.zeros(N, 10)))
    branches = branch(policy, envs, state)
    seen = envs.unwrapped.world.look_at(branches.locations)
    flat = {key: value.flatten(0, 1) for key, value in seen.items()}
    hidden = policy.hidden(policy.remember(flat, state.repeat_interleave(B, 0)))
    torch.testing.assert_close(branches.outcomes, policy.value(hidden).view(N, B))


def test_locations_are_drawn_around_the_mean() -> None:
    policy, envs, observation = make()
    state = policy.remember(observation, policy.initial_state(N))
    generator = torch.Generator().manual_seed(0)
    locations = try_branches(policy, envs.unwrapped.world, state, 4000, generator).locations
    mean = policy.location_mean(policy.hidden(state))
    torch.testing.assert_close(locations.mean(1), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(locations.std(1), torch.full((N, 2), 0.5), atol=0.05, rtol=0)


@pytest.mark.parametrize(("steps", "tried", "shape"), [(T, B, (T - 1, N, B)), (T, 0, (0, N, 0)), (1, B, (0, N, 0))])
def test_a_rollout_holds_them(steps: int, tried: int, shape: tuple[int, ...]) -> None:
    policy, *_ = make()
    envs = gym.make_vec(ID, num_envs=N, vectorization_mode="vector_entry_point", device="cpu", num_glimpses=steps)
    behaviour = BehaviourPolicy(policy, torch.Generator().manual_seed(0), num_branches=tried)
    rollout = collect(behaviour, envs, envs.reset(seed=0)[0])
    assert rollout.branches.outcomes.shape == shape
    assert rollout.branches.locations.shape == (*shape, 2)
