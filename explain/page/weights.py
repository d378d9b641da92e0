"""The weights of an agent and of VAEs, as text that the page decodes.

The page runs a network of its own, in `modules/`. So this is the one place of `explain` that looks into an agent: it
checks that the page knows every part of it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explain.reconstruction.vae import HiddenStateVAE

Stored = dict[str, Any]
"""What JSON can hold."""

_LAYER = r"(weight|bias)"
_SEEING = rf"glimpse_network\.(what|where|combine|norm|convolutions\.[02])\.{_LAYER}|classifier\.{_LAYER}"
_LOOKING = rf"location_network\.(between\.0|linear)\.{_LAYER}"
_CONTEXT = rf"context_network\.readout\.[02]\.{_LAYER}"
_CORE = rf"core\.(linear\.{_LAYER}|cell\.{_LAYER}_(ih|hh))"
KNOWN_PARTS = re.compile(rf"{_SEEING}|{_LOOKING}|{_CONTEXT}|{_CORE}")
"""Names of the weights that `modules/network/agent.js` reads."""
TRAINING_PARTS = re.compile(r"(baseline|canvas_head)\..+|location_std")
"""Names of the weights that only training needs."""
DTYPES = {"float16": torch.float16, "float32": torch.float32}


def store_agent(agent: Any, precision: str = "float16") -> Stored:
    """Stores the network of an agent.

    Args:
        agent: A trained agent of `agents`.
        precision: `"float16"`, or `"float32"` for weights twice as large.

    Returns:
        The name of its core, and its tensors as `store_tensors` stores them.

    Raises:
        ValueError: It is an agent of another library, or it has a part that the page does not know.
    """
    policy = getattr(agent, "policy", None)
    weights = policy.state_dict() if isinstance(policy, nn.Module) else {}
    if not any(name.startswith("glimpse_network.") for name in weights):
        raise ValueError(f"expected an agent with a RAMPolicy, which the page can run, got {_describe(agent)}")
    unknown = [name for name in weights if not KNOWN_PARTS.fullmatch(name) and not TRAINING_PARTS.fullmatch(name)]
    core = _core_of(weights)
    if unknown or core is None:
        what = f"one with {unknown[0].rpartition('.')[0]!r}" if unknown else "one with another core"
        raise ValueError(f"expected a RAMPolicy of parts that the page can run, got {what}")
    used = {name: tensor for name, tensor in weights.items() if KNOWN_PARTS.fullmatch(name)}
    return {"core": core, "tensors": store_tensors(used, precision)}


def store_vae(vae: HiddenStateVAE, precision: str = "float16") -> Stored:
    """Stores the network of a VAE, as `store_tensors` does."""
    return store_tensors(vae.state_dict(), precision)


def store_tensors(tensors: Mapping[str, Tensor], precision: str) -> Stored:
    """Stores tensors one after the other, little-endian, in base64; `modules/network/tensors.js` reads them.

    Raises:
        ValueError: A number is not finite in this precision.
    """
    dtype = DTYPES[precision]
    converted = {name: tensor.detach().cpu().to(dtype) for name, tensor in tensors.items()}
    for name, tensor in converted.items():
        if not tensor.isfinite().all():
            raise ValueError(f"expected weights that are finite in {precision}, got others in {name!r}")
    values = torch.cat([tensor.flatten() for tensor in converted.values()]).numpy()
    return {
        "precision": precision,
        "shapes": [[name, list(tensor.shape)] for name, tensor in converted.items()],
        "data": encode(values.astype(values.dtype.newbyteorder("<")).tobytes()),
    }


def encode(data: bytes) -> str:
    """Encodes bytes in base64."""
    return base64.b64encode(data).decode("ascii")


def _core_of(weights: Mapping[str, Tensor]) -> str | None:
    """The name of a core by its weights; None if it is another one."""
    if "core.linear.weight" in weights:
        return "rnn"
    hidden = weights.get("core.cell.weight_hh")
    if hidden is None:
        return None
    return {3: "gru", 4: "lstm"}.get(hidden.shape[0] // hidden.shape[1])


def _describe(agent: Any) -> str:
    policy = getattr(agent, "policy", None)
    return type(agent).__name__ + (f" with a {type(policy).__name__}" if policy is not None else "")
