"""The memory of a policy in an episode that it learns from: glimpses go in one by one, gradients come back at once."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.policy.networks import GlimpseNetwork, RNNCore
from agents.policy.recurrent_policy import RAMPolicy


class Memory(Protocol):
    """Takes in the glimpses of an episode, one after the other."""

    def remember(self, observation: dict[str, Tensor]) -> Tensor:
        """Takes in the next observations and returns the state, `(N, state_size)`."""

    def hidden(self, observations: dict[str, Tensor]) -> Tensor:
        """The hidden states after all glimpses, `(T, N, hidden_size)`, with the gradient of the policy's weights.

        Args:
            observations: All that was remembered, each tensor `(T, N, ...)`.
        """


def new_memory(policy: RAMPolicy, count: int, num_glimpses: int) -> Memory:
    """An empty memory of `count` episodes of `num_glimpses` glimpses."""
    plain = type(policy.glimpse_network) is GlimpseNetwork and isinstance(
        policy.glimpse_network.norm, torch.nn.Identity
    )
    mixed = torch.is_autocast_enabled(policy.device.type)
    if plain and not mixed and isinstance(policy.core, RNNCore) and policy.context_network is None:
        return StackedMemory(policy, count, num_glimpses)
    return SteppedMemory(policy, count)


class SteppedMemory:
    """A memory of any policy, through which autograd goes back glimpse by glimpse."""

    def __init__(self, policy: RAMPolicy, count: int) -> None:
        self._policy = policy
        self._state = policy.initial_state(count)
        self._hidden: list[Tensor] = []

    def remember(self, observation: dict[str, Tensor]) -> Tensor:
        """Takes in the next observations; see `Memory`."""
        self._state = self._policy.remember(observation, self._state)
        self._hidden.append(self._policy.hidden(self._state))
        return self._state

    def hidden(self, observations: dict[str, Tensor]) -> Tensor:
        """The hidden states after all glimpses; see `Memory`."""
        return torch.stack(self._hidden)


class StackedMemory:
    """A memory of the paper's networks, through which the gradient goes back by hand.

    Autograd goes back glimpse by glimpse. Only the hidden state needs that: the gradients of all weights, and of the
    features, are products of matrices over all glimpses at once.

    Args:
        policy: A policy with the linear glimpse network, without normalisation, and the core `"rnn"`.
        count: Number of episodes (N).
        num_glimpses: Glimpses in each (T).
    """

    def __init__(self, policy: RAMPolicy, count: int, num_glimpses: int) -> None:
        assert isinstance(policy.core, RNNCore)
        self._network, self._core = policy.glimpse_network, policy.core.linear
        sizes = (self._network.combine.in_features, self._network.size, self._core.out_features)
        # One piece of memory, which the process keeps for the next rollout: several large ones it would give back.
        block = torch.empty(2 * sum(sizes) * count * num_glimpses, dtype=torch.float32, device=policy.device)
        parts = block.split([size * count * num_glimpses for size in (*sizes, *sizes)])
        tensors = [part.view(num_glimpses, count, size) for part, size in zip(parts, (*sizes, *sizes), strict=True)]
        self._parts, self._features, self._hidden, *self._scratch = tensors
        self._length = 0

    @torch.no_grad()
    def remember(self, observation: dict[str, Tensor]) -> Tensor:
        """Takes in the next observations; see `Memory`."""
        network, core, step = self._network, self._core, self._length
        parts, hidden = self._parts[step], self._hidden[step]
        what, where = parts.split_with_sizes([network.what.out_features, network.where.out_features], dim=1)
        torch.addmm(network.what.bias, observation["glimpse"].flatten(1), network.what.weight.t(), out=what)
        torch.addmm(network.where.bias, observation["location"], network.where.weight.t(), out=where)
        combine, features = network.combine, self._features[step]
        torch.addmm(combine.bias, parts.relu_(), combine.weight.t(), out=features)
        of_features, of_hidden = core.weight.split_with_sizes([network.size, core.out_features], dim=1)
        torch.addmm(core.bias, features.relu_(), of_features.t(), out=hidden)
        if step > 0:  # before the first glimpse the state is 0
            hidden.addmm_(self._hidden[step - 1], of_hidden.t())
        self._length += 1
        return hidden.relu_()

    def hidden(self, observations: dict[str, Tensor]) -> Tensor:
        """The hidden states after all glimpses; see `Memory`."""
        layers = (self._network.what, self._network.where, self._network.combine, self._core)
        weights = [weight for layer in layers for weight in (layer.weight, layer.bias)]
        known = (observations["glimpse"].flatten(2), observations["location"], self._parts, self._features)
        hidden: Tensor = EpisodeGradient.apply(self._scratch, *known, self._hidden, *weights)
        return hidden


class EpisodeGradient(torch.autograd.Function):
    """Hands out hidden states that are known already, and computes the gradient of the weights that they came from.

    With pixels x_t and locations l_t,

        p_t = [relu(W_what x_t + b_what), relu(W_where l_t + b_where)],  f_t = relu(W_combine p_t + b_combine),
        h_t = relu(W_core [f_t, h_{t-1}] + b_core)                  (Mnih et al. 2014, section 3.1)
    """

    @staticmethod
    def forward(ctx: Any, scratch: list[Tensor], *known: Tensor) -> Tensor:
        """Returns the hidden states.

        Args:
            ctx: Holds what `backward` needs.
            scratch: Memory for `backward`, with the shapes of p, f and h.
            *known: x `(T, N, pixels)`, l `(T, N, 2)`, p `(T, N, what_size + where_size)`, f `(T, N, size)`, h
                `(T, N, hidden_size)`, and the weight and the bias of each of the four layers.
        """
        ctx.save_for_backward(*known)
        ctx.scratch = scratch
        return known[4].clone()  # of which others may keep views

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Goes back from the gradient of the hidden states to that of the weights."""
        glimpses, locations, parts, features, hidden, what, _, _, _, combine, _, core, _ = ctx.saved_tensors
        to_parts, to_features, sums = ctx.scratch
        sizes = [features.shape[-1], hidden.shape[-1]]
        of_features, of_hidden = core.split_with_sizes(sizes, dim=1)

        # What the core rectifies, glimpse by glimpse: each hidden state is used by the heads and by the next one.
        for step in reversed(range(len(hidden))):
            used = gradient[step]
            if step + 1 < len(hidden):
                used = torch.addmm(used, sums[step + 1], of_hidden)
            _through_relu(used, hidden[step], into=sums[step])

        # All the rest for all glimpses at once.
        of_core = torch.empty_like(core)
        of_core_features, of_core_hidden = of_core.split_with_sizes(sizes, dim=1)
        torch.mm(sums[1:].flatten(0, 1).t(), hidden[:-1].flatten(0, 1), out=of_core_hidden)
        glimpses, locations, parts, features, to_parts, to_features, sums = (
            tensor.flatten(0, 1) for tensor in (glimpses, locations, parts, features, to_parts, to_features, sums)
        )
        torch.mm(sums.t(), features, out=of_core_features)
        torch.mm(sums, of_features, out=to_features)
        _through_relu(to_features, features, into=to_features)
        torch.mm(to_features, combine, out=to_parts)
        _through_relu(to_parts, parts, into=to_parts)
        to_what, to_where = to_parts.split_with_sizes([len(what), parts.shape[1] - len(what)], dim=1)
        of_bias = to_parts.sum(0)
        of_layers = (
            *(to_what.t() @ glimpses, of_bias[: len(what)]),
            *(to_where.t() @ locations, of_bias[len(what) :]),
            *(to_features.t() @ parts, to_features.sum(0)),
            *(of_core, sums.sum(0)),
        )
        return *(None,) * 6, *of_layers


def _through_relu(gradient: Tensor, output: Tensor, into: Tensor) -> None:
    """Writes the gradient of what was rectified `into` a tensor: 0 where the output is 0."""
    torch.ops.aten.threshold_backward.grad_input(gradient, output, 0.0, grad_input=into)
