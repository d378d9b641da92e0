"""The recurrent policy: what it sees and remembers becomes where it looks next and what it believes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.policy.networks import (
    CanvasHead,
    ContextNetwork,
    LocationNetwork,
    make_core,
    make_glimpse_network,
    make_readout,
)
from glimpse_env.config import check_flag, check_integer
from glimpse_env.spaces import MAX_LOGIT, as_array, num_classes_of, pack_action
from glimpse_env.utils.errors import shown
from glimpse_env.utils.layers import make_layer, new_generator

MAX_UNITS = 2**14
"""Units of a layer: two such layers in a row have 268 million weights, 1 GB."""


class RAMPolicy(nn.Module):
    """The Recurrent Attention Model: stochastic in the location, deterministic in the logits.

    Locations are drawn from a Gaussian around the location network's output, whose standard deviation is not learnt:
    an algorithm sets it before each rollout. The location network and the baseline read the hidden state but do not
    shape it: their gradients stop there. Those of the classifier and of the canvas head, if there is one, go on through
    the core and the glimpse network.

    Args:
        observation_space: Of a glimpse environment.
        action_space: Of a glimpse environment: locations and logits.
        core: `"rnn"` (the paper's), `"lstm"` or `"gru"`.
        hidden_size: Size of the hidden state.
        what_size: Features of the glimpse in the glimpse network.
        where_size: Features of the location in the glimpse network.
        location_size: Units of a layer in the location network; 0 stands for none, as in the paper.
        baseline_size: Units of a layer in the baseline; 0 stands for none, as in the paper.
        context_features: Features of the coarse view of the canvas that an environment with a `context_size` shows. The
            location network reads them, the classifier never does (Ba et al. 2015). 0 stands for none, as in the paper.
        glimpse_network: `"linear"` (the paper's) or `"convolutional"`, which filters the glimpse first.
        layer_norm: Whether the glimpse network normalises its features before it rectifies them, so that none of them
            dies; not in the paper.
        canvas_head: Side of the average-pooled canvas that a linear head predicts from the hidden state, so that
            training can make the state hold the image. 0 stands for no head, as in the paper.
        num_channels: Channels of the canvas.
        seed: Seed of the weights, and then of the locations that `predict` draws; by default random.

    Attributes:
        generator: Draws the locations of `predict`, on the CPU, so that they are the same on every device.

    Raises:
        TypeError: A size or the seed is no integer, or `layer_norm` is no truth value.
        ValueError: The spaces are not those of a glimpse environment, the environment shows no context to take features
            of, a glimpse does not consist of whole images of so many channels, there is no such core or glimpse
            network, or a number is out of range.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> env = gym.make("GlimpseDigits-v0")
        >>> policy = RAMPolicy(env.observation_space, env.action_space)
        >>> observation, _ = env.reset(seed=1)
        >>> action, state = policy.predict(observation, deterministic=True)
        >>> action.shape, state.shape
        ((12,), (256,))
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        core: str = "rnn",
        hidden_size: int = 256,
        what_size: int = 128,
        where_size: int = 128,
        location_size: int = 0,
        baseline_size: int = 0,
        context_features: int = 0,
        glimpse_network: str = "linear",
        layer_norm: bool = False,
        canvas_head: int = 0,
        num_channels: int = 1,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        for name, size in {"hidden_size": hidden_size, "what_size": what_size, "where_size": where_size}.items():
            check_integer(name, size, 1, MAX_UNITS)
        optional = {
            "location_size": location_size,
            "baseline_size": baseline_size,
            "context_features": context_features,
            "canvas_head": canvas_head,
        }
        for name, size in optional.items():
            check_integer(name, size, 0, MAX_UNITS)
        check_flag("layer_norm", layer_norm)
        glimpse_shape, context_shape, num_classes = _sizes(observation_space, action_space)
        if context_features and context_shape is None:
            raise ValueError(
                f"expected an environment with a context_size for context_features={context_features}, "
                "got observations without context"
            )
        check_integer("num_channels", num_channels, 1)
        if glimpse_shape[0] % num_channels:
            raise ValueError(f"expected num_channels to divide {glimpse_shape[0]}, the glimpse's, got {num_channels}")
        if num_channels * canvas_head**2 > MAX_UNITS:
            raise ValueError(
                f"expected canvas_head to be at most {math.isqrt(MAX_UNITS // num_channels)} "
                f"for canvases of {num_channels} channels, got {canvas_head}"
            )
        self.observation_space, self.action_space = observation_space, action_space
        self.glimpse_shape = glimpse_shape
        self.context_shape = context_shape if context_features else None
        self.num_classes = num_classes
        self.generator = generator = new_generator(seed)
        self.glimpse_network = make_glimpse_network(
            glimpse_network, glimpse_shape, what_size, where_size, hidden_size, layer_norm, generator
        )
        self.core = make_core(core, hidden_size, hidden_size, generator)
        self.context_network: ContextNetwork | None = None
        if context_features and context_shape is not None:
            self.context_network = ContextNetwork(context_shape, context_features, generator)
        self.location_network = LocationNetwork(hidden_size + context_features, location_size, generator)
        self.classifier = make_layer(nn.Linear, hidden_size, num_classes, generator=generator)
        self.baseline = make_readout(hidden_size, baseline_size, 1, generator)
        self.canvas_head: CanvasHead | None = None
        if canvas_head:
            self.canvas_head = CanvasHead(hidden_size, (num_channels, canvas_head, canvas_head), generator)
        self.state_size = self.core.state_size + context_features
        self.register_buffer("location_std", torch.tensor(0.1, dtype=torch.float32, device="cpu"))
        self.location_std: Tensor

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.classifier.weight.device

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The weights that classification and canvas head train, and those of location network, context and baseline.

        No part of the loss trains both, so neither need suffer where the gradient of the other is long.
        """
        seeing: list[nn.Module] = [self.glimpse_network, self.core, self.classifier]
        if self.canvas_head is not None:
            seeing.append(self.canvas_head)
        looking: list[nn.Module] = [self.location_network, self.baseline]
        if self.context_network is not None:
            looking.append(self.context_network)
        groups = [[weight for part in parts for weight in part.parameters()] for parts in (seeing, looking)]
        return groups[0], groups[1]

    def layers_from_the_top(self) -> dict[str, list[nn.Module]]:
        """The parts of the network by name, from the outputs to the inputs; each reads what the next computes."""
        network = self.glimpse_network
        parts: dict[str, list[nn.Module | None]] = {
            "heads": [
                self.classifier,
                self.location_network,
                self.baseline,
                self.context_network,
                self.canvas_head,
            ],
            "core": [self.core],
            "glimpse network, top": [network.combine, network.norm],
            "glimpse network, bottom": [network.what, network.where, getattr(network, "convolutions", None)],
        }
        return {name: [module for module in modules if module is not None] for name, modules in parts.items()}

    def initial_state(self, count: int) -> Tensor:
        """The state before the first glimpse, `(count, state_size)`, all 0."""
        return torch.zeros(count, self.state_size, dtype=torch.float32, device=self.device)

    def remember(self, observation: dict[str, Tensor], state: Tensor) -> Tensor:
        """Takes in a batch of observations and returns the next state, `(N, state_size)`.

        A state ends with the features of the context. Those of observations without context stay as they are.
        """
        features = self.glimpse_network(observation["glimpse"], observation["location"])
        if self.context_network is None:
            return self.core(features, state)
        core, context = state.split([self.core.state_size, self.context_network.size], dim=-1)
        if "context" in observation:
            context = self.context_network(observation["context"])
        return torch.cat([self.core(features, core.contiguous()), context], dim=-1)

    def unroll(self, observations: dict[str, Tensor]) -> Tensor:
        """Takes in whole episodes, each tensor `(T, N, ...)`; returns the hidden states, `(T, N, hidden_size)`.

        The same as `remember` glimpse by glimpse, but what does not depend on earlier glimpses is computed at once.
        """
        features = self.glimpse_network(observations["glimpse"], observations["location"])
        state = self.initial_state(features.shape[1])[..., : self.core.state_size]
        states = []
        for seen in features:
            state = self.core(seen, state)
            states.append(self.hidden(state))
        return torch.stack(states)

    def hidden(self, state: Tensor) -> Tensor:
        """The hidden state `(..., hidden_size)`, the part of a state that the heads read."""
        return state[..., : self.core.hidden_size]

    def context(self, observation: dict[str, Tensor]) -> Tensor | None:
        """Features of the context of observations, `(..., context_features)`, or None if the policy has none."""
        return None if self.context_network is None else self.context_network(observation["context"])

    def remembered_context(self, state: Tensor) -> Tensor | None:
        """Features of the context, `(..., context_features)`, the last part of a state; None if it has none."""
        return None if self.context_network is None else state[..., self.core.state_size :]

    def location_mean(self, hidden: Tensor, context: Tensor | None = None) -> Tensor:
        """Where to look next, `(..., 2)`; its gradient stops at the hidden state.

        Args:
            hidden: Hidden states, `(..., hidden_size)`.
            context: Features of the context, with the last dimensions of `hidden`; None if the policy has none.
        """
        hidden = hidden.detach()
        if context is not None:
            hidden = torch.cat([hidden, context.expand(*hidden.shape[:-1], -1)], dim=-1)
        return self.location_network(hidden)

    def value(self, hidden: Tensor) -> Tensor:
        """The baseline: the sum of rewards still to come, `(...)`; its gradient stops at the hidden state."""
        return self.baseline(hidden.detach()).squeeze(-1)

    def logits(self, hidden: Tensor) -> Tensor:
        """The logits, `(..., num_classes)`, shifted so that the highest is 20.

        The environment clips logits to [-20, 20], and a sure classifier has several beyond 20: unshifted, the clip
        would make them equal. The belief, their softmax, does not depend on the shift.
        """
        logits = self.classifier(hidden)
        return logits - logits.amax(-1, keepdim=True).detach() + MAX_LOGIT

    def canvas_logits(self, hidden: Tensor) -> Tensor | None:
        """Logits of the pixels of the pooled canvas, `(..., channels, side, side)`; None if the policy has no head."""
        return None if self.canvas_head is None else self.canvas_head(hidden)

    def log_prob(self, locations: Tensor, mean: Tensor) -> Tensor:
        """Log-density of locations `(..., 2)`, as drawn, before the environment clips them; `(...)`, in nats."""
        # Written out, since torch.distributions takes 1.4 times as long for it.
        deviations = (locations - mean) / self.location_std
        return -0.5 * deviations.square().sum(-1) - 2 * self.location_std.log() - math.log(2 * math.pi)

    @torch.no_grad()
    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: NDArray[np.float32] | None = None,
        episode_start: NDArray[np.bool_] | bool | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Chooses an action for one observation or for a batch of them.

        Args:
            observation: `glimpse` `(num_scales * channels, g, g)` and `location` `(2,)`, or both with a batch in front;
                at the start of an episode also `context`, if the policy takes features of it.
            state: What the last call returned; None at the start of an episode.
            episode_start: Where an episode starts, and the state with it: one truth value an observation.
            deterministic: Look at the mean of the location instead of drawing it.

        Returns:
            The action, `(2 + num_classes,)`, within the action space, and the state, `(state_size,)`, which begins with
            the hidden state; both with a batch in front if the observation has one.

        Raises:
            TypeError: The observation is no dict of a glimpse and a location, or something does not consist of numbers.
            ValueError: An array has another shape than expected, or a number is NaN or infinite.
        """
        if not isinstance(observation, Mapping) or not {"glimpse", "location"} <= observation.keys():
            raise TypeError(f"expected an observation with a glimpse and a location, got {shown(observation)}")
        check_flag("deterministic", deterministic)
        glimpse, location = (self._read_array(name, observation[name]) for name in ("glimpse", "location"))
        single = location.ndim == 1
        if single:
            glimpse, location = glimpse[None], location[None]
        count = location.shape[0] if location.ndim else 0
        if glimpse.shape != (count, *self.glimpse_shape) or location.shape != (count, 2):
            raise ValueError(
                f"expected glimpses of shape {self.glimpse_shape} with locations of shape (2,), "
                f"got {tuple(glimpse.shape)} and {tuple(location.shape)} with the batch in front"
            )
        seen = {"glimpse": glimpse, "location": location}
        if self.context_shape is not None and (state is None or "context" in observation):
            seen["context"] = self._read_context(observation, count)
        memory = self._read_state(state, episode_start, count)
        memory = self.remember(seen, memory)
        hidden = self.hidden(memory)
        locations = self.location_mean(hidden, self.remembered_context(memory))
        if not deterministic:
            noise = torch.randn(locations.shape, generator=self.generator, dtype=torch.float32, device="cpu")
            locations = locations + self.location_std * noise.to(self.device)
        logits = self.logits(hidden).clamp(-MAX_LOGIT, MAX_LOGIT)
        actions = pack_action(locations.clamp(-1, 1), logits).cpu().numpy()
        memories = memory.cpu().numpy()
        return (actions[0], memories[0]) if single else (actions, memories)

    def _read_context(self, observation: dict[str, NDArray[np.float32]], count: int) -> Tensor:
        if "context" not in observation:
            raise ValueError("expected observations with context at the start of an episode, got none")
        context = self._read_array("context", observation["context"])
        expected = (count, *(self.context_shape or ()))
        if context.numel() != torch.Size(expected).numel() or context.shape[-3:] != expected[1:]:
            raise ValueError(
                f"expected context of shape {expected} with the batch in front, got {tuple(context.shape)}"
            )
        return context.reshape(expected)

    def _read_state(self, state: Any, episode_start: Any, count: int) -> Tensor:
        starts = np.zeros(1, dtype=bool) if episode_start is None else as_array("episode_start", episode_start)
        if starts.dtype.kind not in "biuf" or not np.isin(starts, (0, 1)).all():
            raise TypeError(f"expected episode_start to consist of truth values, got {shown(episode_start)}")
        if starts.size not in (1, count):
            raise ValueError(f"expected episode_start for each of {count} observations, got {starts.size}")
        if state is None:
            return self.initial_state(count)
        shape = (count, self.state_size)
        memory = self._read_array("the state", state)
        if memory.shape != shape and not (count == 1 and memory.shape == shape[1:]):
            raise ValueError(f"expected a state of shape {shape}, got {tuple(memory.shape)}")
        memory = memory.reshape(shape)
        start = torch.as_tensor(starts.astype(bool), device=self.device).reshape(-1, 1)
        return torch.where(start, 0.0, memory)

    def _read_array(self, name: str, values: Any) -> Tensor:
        """An array of finite numbers as a float32 tensor on the device of the weights."""
        array = as_array(name, values)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"expected {name} to consist of numbers, got {shown(values)}")
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise ValueError(f"expected finite numbers in {name}, got {shown(values)}")
        return torch.as_tensor(array, device=self.device)


def _sizes(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> tuple[tuple[int, ...], tuple[int, ...] | None, int]:
    """The shape of a glimpse, that of the context if there is one, and the number of classes."""
    parts = observation_space.spaces if isinstance(observation_space, spaces.Dict) else {}
    if set(parts) - {"context"} != {"glimpse", "location"}:
        raise ValueError(f"expected the observation space of a glimpse environment, got {shown(observation_space)}")
    glimpse_shape = parts["glimpse"].shape
    assert glimpse_shape is not None
    return glimpse_shape, parts["context"].shape if "context" in parts else None, num_classes_of(action_space)
