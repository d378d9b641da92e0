"""Rollouts: whole episodes of a policy in a vector environment, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.algorithms.branches import Branches, try_branches
from agents.distributed import own_rows, world_size
from agents.policy.memory import new_memory
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.spaces import pack_action


@torch.no_grad()
def can_act(policy: RAMPolicy, observation: dict[str, Tensor], steps: int) -> bool:
    """Whether all outputs of a policy are finite in an episode that shows it one observation, `steps` times.

    Weights can be finite and yet so large that the outputs are not.
    """
    hidden = policy.unroll({key: value.expand(steps, *value.shape) for key, value in observation.items()})
    outputs = (policy.location_mean(hidden, policy.context(observation)), policy.value(hidden), policy.logits(hidden))
    return all(bool(output.isfinite().all()) for output in outputs)


@dataclass(frozen=True)
class BehaviourPolicy:
    """Chooses the locations of a rollout.

    Usually these are locations that the trained policy draws. During a behaviour-cloning warm-up they are drawn around
    a demonstration path, which the policy learns to follow. In exploratory episodes they are uniformly random.

    Attributes:
        policy: The policy that is trained.
        generator: Draws the locations, in each process of a training those of all of them.
        demonstration_path: Locations `(P, 2)` that take the place of the policy's means, one after the other, again and
            again; None where no behaviour is cloned.
        num_exploratory: The first so many sub-environments play exploratory episodes, of those in all processes.
        num_branches: How many other locations are tried beside each that is chosen.
    """

    policy: RAMPolicy
    generator: torch.Generator
    demonstration_path: Tensor | None = None
    num_exploratory: int = 0
    num_branches: int = 0

    def choose(self, state: Tensor, step: int) -> Tensor:
        """The next location in each sub-environment, `(N, 2)`.

        Args:
            state: States, `(N, state_size)`.
            step: Number of the action, from 0.
        """
        mean = self.policy.location_mean(self.policy.hidden(state), self.policy.remembered_context(state)).float()
        if self.demonstration_path is not None:
            mean = self.demonstration_path[step % len(self.demonstration_path)].expand_as(mean)
        count = len(mean)
        whole = (world_size() * count, 2)
        noise = own_rows(torch.randn(whole, generator=self.generator, dtype=mean.dtype, device=mean.device), count)
        location = mean + self.policy.location_std * noise
        if self.num_exploratory == 0:
            return location
        whole = (self.num_exploratory, 2)
        uniform = own_rows(torch.rand(whole, generator=self.generator, dtype=mean.dtype, device=mean.device), count)
        return torch.cat([uniform * 2 - 1, location[len(uniform) :]])


@dataclass(frozen=True)
class Rollout:
    """One episode of `T` steps in each of `N` sub-environments.

    Attributes:
        observations: `glimpse` `(T, N, num_scales * channels, g, g)` and `location` `(T, N, 2)`.
        locations: The locations in the actions, as drawn, `(T, N, 2)`; nobody looks at the last ones.
        hidden: The hidden states that the actions were read from, `(T, N, hidden_size)`.
        means: The policy's means of the locations, `(T, N, 2)`.
        logits: The logits, `(T, N, num_classes)`.
        rewards: `(T, N)`.
        labels: The true classes, `(N,)`.
        predictions: The most probable classes of the last beliefs, `(N,)`.
        is_success: Whether these are the labels, `(N,)` bool.
        on_policy: Which episodes are not exploratory, `(N,)` bool. The location network and the baseline learn from
            these alone.
        all_on_policy: The same of all episodes of a training in several processes, `(M,)` bool.
        cloning: Whether the locations were drawn around a demonstration path, which the policy is to learn.
        branches: What other locations would have earned, `(T - 1, N, B)`; B is 0 where none were tried.
        canvas_logits: What the policy's canvas head predicts, `(T, N, C, side, side)`; None if it has none.
        canvases: The average-pooled canvases that it is to predict, in [0, 1], `(N, C, side, side)`; or None.
        next_observation: The first observation of the next episodes.
    """

    observations: dict[str, Tensor]
    locations: Tensor
    hidden: Tensor
    means: Tensor
    logits: Tensor
    rewards: Tensor
    labels: Tensor
    predictions: Tensor
    is_success: Tensor
    on_policy: Tensor
    all_on_policy: Tensor
    cloning: bool
    branches: Branches
    canvas_logits: Tensor | None
    canvases: Tensor | None
    next_observation: dict[str, Tensor]


def collect(behaviour: BehaviourPolicy, env: Any, observation: dict[str, Tensor]) -> Rollout:
    """Plays one episode in every sub-environment.

    Gradients flow through the policy as in any forward pass, so that an algorithm that uses its episodes once need not
    compute anything twice. An algorithm that does not want them calls this under `torch.no_grad()`.

    Args:
        behaviour: Chooses the locations; its policy gives the logits.
        env: A native vector environment of torch tensors that has just begun an episode in every sub-environment.
        observation: The first observation of these episodes.
    """
    policy, world = behaviour.policy, env.unwrapped.world
    # Of the episodes that have begun: the last step puts the next canvases in their place.
    canvases = None if policy.canvas_head is None else world.pooled_canvases(policy.canvas_head.side)
    memory = new_memory(policy, env.num_envs, world.config.num_glimpses)
    observations: list[dict[str, Tensor]] = []
    steps: list[tuple[Tensor, ...]] = []
    branches: list[Branches] = []
    ended = False
    while not ended:
        observations.append(observation)
        state = memory.remember(observation)
        with torch.no_grad():
            location = behaviour.choose(state, len(steps))
            action = pack_action(location, policy.logits(policy.hidden(state)).float())
        observation, reward, _, _, info = env.step(action)
        ended = "final_info" in info
        steps.append((location, reward))
        if not ended and behaviour.num_branches > 0:
            branches.append(try_branches(policy, world, state, behaviour.num_branches, behaviour.generator))
    locations, rewards = (torch.stack(values) for values in zip(*steps, strict=True))
    seen = {key: torch.stack([one[key] for one in observations]) for key in observation}
    hidden = memory.hidden(seen)
    final = info["final_info"]
    numbers = torch.arange(world_size() * env.num_envs, device=locations.device)
    all_on_policy = numbers >= behaviour.num_exploratory
    return Rollout(
        observations=seen,
        locations=locations,
        hidden=hidden,
        means=policy.location_mean(hidden, policy.context(observations[0])).float(),
        logits=policy.logits(hidden).float(),
        rewards=rewards,
        labels=final["label"],
        predictions=final["prediction"],
        is_success=final["is_success"],
        on_policy=own_rows(all_on_policy, env.num_envs),
        all_on_policy=all_on_policy,
        cloning=behaviour.demonstration_path is not None,
        branches=Branches.stack(branches, env.num_envs),
        canvas_logits=policy.canvas_logits(hidden),
        canvases=canvases,
        next_observation=observation,
    )
