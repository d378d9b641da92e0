"""Policies whose layers are random again, from the top: controls of what is said about a trained policy."""

from __future__ import annotations

from copy import deepcopy

from agents.policy.recurrent_policy import RAMPolicy


def randomised_layers(trained: RAMPolicy, untrained: RAMPolicy) -> dict[str, RAMPolicy]:
    """Replaces the weights of one layer after the other, from the outputs to the inputs (Adebayo et al. 2018).

    Args:
        trained: The policy, which stays as it is.
        untrained: One with the same arguments, whose weights take their place.

    Returns:
        By the name of a layer a policy in which this layer and all above it are untrained; in the last one, all.
    """
    policies, policy = {}, trained
    for name, layers in untrained.layers_from_the_top().items():
        policy = deepcopy(policy)
        for layer, random in zip(policy.layers_from_the_top()[name], layers, strict=True):
            layer.load_state_dict(random.state_dict())
        policies[name] = policy
    return policies
