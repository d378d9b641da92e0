"""PPO with a memory in one file, in the style of CleanRL.

python scripts/examples/one_file_ppo.py
python scripts/examples/one_file_ppo.py --env-id GlimpseMNIST-v0 --num-iterations 500
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import torch
import tyro
from torch import Tensor, nn
from torch.distributions import Normal

import glimpse_env  # noqa: F401  # registers the ids


@dataclass(frozen=True)
class Arguments:
    """Trains, and prints the mean reward of an episode."""

    env_id: str = "GlimpseDigits-v0"
    """Id of the environment."""
    num_envs: int = 128
    """Sub-environments; an iteration is one episode in each."""
    num_iterations: int = 100
    """Iterations."""
    num_epochs: int = 4
    """How often an iteration's episodes are used."""
    num_minibatches: int = 4
    """Minibatches of whole episodes in each of these."""
    learning_rate: float = 2e-3
    """Of Adam, falling to 0."""
    clip_range: float = 0.2
    """How far the ratio of the new to the old probability of an action may move from 1 and still be rewarded."""
    seed: int = 0
    """Seed of weights, actions and environment."""


class Agent(nn.Module):
    """An actor and a critic that read the hidden state of a gated recurrent unit."""

    def __init__(self, num_pixels: int, num_actions: int, hidden_size: int = 128) -> None:
        super().__init__()
        self.glimpse_network = nn.Sequential(nn.Linear(num_pixels + 2, hidden_size), nn.ReLU())
        self.core = nn.GRUCell(hidden_size, hidden_size)
        self.actor_mean = nn.Linear(hidden_size, num_actions)
        self.actor_logstd = nn.Parameter(torch.full((num_actions,), -0.7))
        self.critic = nn.Linear(hidden_size, 1)

    def remember(self, seen: Tensor, hidden: Tensor | None) -> Tensor:
        """Takes in glimpses and locations `(N, num_pixels + 2)`; returns the next hidden state `(N, hidden_size)`."""
        following: Tensor = self.core(self.glimpse_network(seen), hidden)
        return following

    def actions(self, hidden: Tensor) -> Normal:
        """The distribution of the actions, `(..., num_actions)`."""
        return Normal(self.actor_mean(hidden), self.actor_logstd.exp())


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Trains, and returns the mean reward of an episode in each iteration."""
    args = tyro.cli(Arguments, args=arguments)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    envs: Any = gym.make_vec(
        args.env_id, args.num_envs, vectorization_mode="vector_entry_point", device="cpu", reward="anytime"
    )
    num_pixels = torch.Size(envs.single_observation_space["glimpse"].shape).numel()
    agent = Agent(num_pixels, envs.single_action_space.shape[0])
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate)
    observation, _ = envs.reset(seed=args.seed)
    returns = []
    for iteration in range(args.num_iterations):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1 - iteration / args.num_iterations)

        # One episode in every sub-environment. All have the same length, so all begin and end together.
        observations, actions, rewards, log_probs, values = [], [], [], [], []
        hidden, ended = None, False
        with torch.no_grad():
            while not ended:
                seen = torch.cat([observation["glimpse"].flatten(1), observation["location"]], dim=1)
                hidden = agent.remember(seen, hidden)
                policy = agent.actions(hidden)
                action = policy.sample()
                observation, reward, terminations, _, _ = envs.step(action)
                ended = bool(terminations[0])
                observations.append(seen)
                actions.append(action)
                rewards.append(reward)
                log_probs.append(policy.log_prob(action).sum(1))
                values.append(agent.critic(hidden).squeeze(1))
        targets = torch.stack(rewards).flip(0).cumsum(0).flip(0)  # (T, N): rewards still to come
        advantages = targets - torch.stack(values)
        advantages = (advantages - advantages.mean(1, keepdim=True)) / (advantages.std(1, keepdim=True) + 1e-8)
        old_log_probs = torch.stack(log_probs)
        returns.append(float(targets[0].mean()))

        for _ in range(args.num_epochs):
            for batch in torch.randperm(args.num_envs).chunk(args.num_minibatches):
                hidden, hiddens = None, []
                for seen in observations:
                    hidden = agent.remember(seen[batch], hidden)
                    hiddens.append(hidden)
                hidden = torch.stack(hiddens)
                log_prob = agent.actions(hidden).log_prob(torch.stack(actions)[:, batch]).sum(-1)
                ratio = (log_prob - old_log_probs[:, batch]).exp()
                clipped = ratio.clamp(1 - args.clip_range, 1 + args.clip_range)
                policy_loss = -torch.minimum(ratio * advantages[:, batch], clipped * advantages[:, batch]).mean()
                value_loss = (agent.critic(hidden).squeeze(-1) - targets[:, batch]).square().mean()
                optimizer.zero_grad()
                (policy_loss + 0.5 * value_loss).backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
        if (iteration + 1) % 10 == 0:
            print(f"iteration {iteration + 1}: mean reward of an episode {sum(returns[-10:]) / 10:.2f}")
    return returns


if __name__ == "__main__":
    main()
