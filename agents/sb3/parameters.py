"""Parameters by name, as Stable-Baselines3's `get_parameters` and `set_parameters` exchange them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from agents.algorithms.checkpoint import AGENTS, TrainingState, expected_tensors
from glimpse_env.utils.errors import unknown_name_error
from glimpse_env.utils.stored_tensors import Ignored

NAMES = ("policy", "optimizer")


def get_parameters(state: TrainingState) -> dict[str, dict[str, Any]]:
    """The state dicts of the policy and of the optimizer, by name; the tensors are those in use."""
    return {"policy": state.policy.state_dict(), "optimizer": state.optimizer.state_dict()}


def set_parameters(state: TrainingState, given: Any, exact_match: bool) -> None:
    """Takes over parameters, all or none; see `SB3Interface.set_parameters`."""
    if not isinstance(given, Mapping):
        with AGENTS.open(given) as saved:
            given = saved.tensors({**expected_tensors(state.spec), "generator": Ignored()})
        given = {name: given[name] for name in NAMES if name in given}
        exact_match = False
    for name in given:
        if name not in NAMES:
            raise unknown_name_error("parameters", name, NAMES)
    if exact_match and set(given) != set(NAMES):
        raise ValueError(f"expected parameters of {' and '.join(NAMES)}, got {sorted(given)}")
    policy = state.policy.state_dict()
    _check("policy", given.get("policy", policy), policy, exact_match)
    moments = given.get("optimizer", {}).get("state", {})
    for number, weight in enumerate(state.policy.parameters()):
        if number in moments:
            like = {"step": weight.new_zeros(()), "exp_avg": weight, "exp_avg_sq": weight}
            _check(f"optimizer.{number}", moments[number], like, exact_match=True)
    state.policy.load_state_dict(given.get("policy", {}), strict=False)
    if "optimizer" in given:
        # The settings of Adam stay those of this agent, as when a file is loaded.
        state.optimizer.load_state_dict({**state.optimizer.state_dict(), "state": moments})
    state.accuracy = None


def _check(kind: str, given: Mapping[str, Tensor], own: Mapping[str, Tensor], exact_match: bool) -> None:
    missing, others = sorted(set(own) - set(given)), sorted(set(given) - set(own))
    if exact_match and (missing or others):
        raise ValueError(f"expected the parameters of {kind}, got none for {missing} and others for {others}")
    for name in set(own) & set(given):
        if given[name].shape != own[name].shape:
            raise ValueError(
                f"expected {kind}.{name} of shape {tuple(own[name].shape)}, got {tuple(given[name].shape)}"
            )
