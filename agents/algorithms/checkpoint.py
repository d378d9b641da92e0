"""The state of a training: what is saved, restored, and brought back after a divergence.

A saved agent is one zip of two members: `agent.json` describes the agent, `tensors.pt` holds its tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import glimpse_env
from agents.algorithms.metrics import Metrics
from agents.algorithms.settings import AgentSpec, Settings
from agents.distributed import world_size
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env import spaces
from glimpse_env.config import MAX_EPISODE, check_integer
from glimpse_env.utils.archive import Archive, InvalidFileError, SavedFile
from glimpse_env.utils.errors import shown
from glimpse_env.utils.layers import without_weights
from glimpse_env.utils.stored_tensors import Ignored, Maybe, Part, TensorSpec

FORMAT = 2
"""Version of the format. Older files are read, too; a newer one is refused."""

COUNTERS = ("num_timesteps", "num_rollouts", "total_timesteps")

SETTINGS_BEFORE_FORMAT_2 = {
    "first_path": "demonstration_path",
    "first_share": "warmup_fraction",
    "stray_share": "exploration_fraction",
}
"""Names that settings had in files of format 1, and the names that they have now."""


class InvalidAgentError(InvalidFileError):
    """A file is not an agent that can be loaded."""

    kind = "an agent"


AGENTS = Archive("agent", FORMAT, InvalidAgentError)


@dataclass
class TrainingState:
    """Everything that training reads and changes.

    Attributes:
        spec: What the agent is made of.
        policy: The network.
        optimizer: Adam, with its moments.
        generator: Draws the locations, and the minibatches of algorithms that have them.
        num_timesteps: Steps taken so far, in all sub-environments together.
        num_rollouts: Rollouts collected so far, each of one episode in every sub-environment.
        total_timesteps: Steps at which the present training ends; schedules end there.
        accuracy: Fraction of correct answers that was measured with the present weights; None if nobody did.
        computed_with: `computes_with` where the agent was saved; None if it was not, or if nothing is known.
        metrics: What the next line of the log is made of.
    """

    spec: AgentSpec
    policy: RAMPolicy
    optimizer: torch.optim.Adam
    generator: torch.Generator
    num_timesteps: int = 0
    num_rollouts: int = 0
    total_timesteps: int = 0
    accuracy: float | None = None
    computed_with: Any = None
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    def untrained(cls, spec: AgentSpec, device: torch.device) -> TrainingState:
        """Makes the state before any training. The same `spec.seed` gives the same weights."""
        policy = make_policy(spec).to(device)
        return cls(
            spec=spec,
            policy=policy,
            optimizer=torch.optim.Adam(policy.parameters(), lr=0.0, fused=True),
            generator=torch.Generator(device).manual_seed(spec.seed),
        )

    @classmethod
    def read(
        cls, saved: SavedFile, read_settings: Callable[[dict[str, Any]], Settings], device: torch.device
    ) -> TrainingState:
        """Reads the state that a saved agent holds.

        What the file describes is compared with what an agent of that description has, before memory is taken for it.

        Args:
            saved: The file, open.
            read_settings: Makes the algorithm's own settings.
            device: Where the state goes.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is of the wrong type.
            ValueError: Something is not as expected.
        """
        description = saved.description
        spec = AgentSpec.from_json(upgrade_spec(description), read_settings)
        check_progress(description)
        # The state of the generator of another kind of device is of no use here.
        same_device = description.get("device") == device.type
        generator = TensorSpec.like(torch.Generator(device).get_state()) if same_device else Ignored()
        tensors = saved.tensors({**expected_tensors(spec), "generator": generator})
        check_numbers(tensors)
        state = cls.untrained(spec, device)
        state.restore(description, tensors)
        return state

    @property
    def computes_with(self) -> dict[str, Any]:
        """What the last digits of a training depend on, besides its seed."""
        processes = {"num_processes": world_size()} if world_size() > 1 else {}
        return {
            "torch": torch.__version__,
            "device": self.policy.device.type,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "num_threads": self.spec.settings.num_threads,
            **processes,
        }

    @property
    def progress_remaining(self) -> float:
        """How much of the training is left, from 1 to 0."""
        return max(0.0, 1 - self.num_timesteps / max(self.total_timesteps, 1))

    def describe(self) -> dict[str, Any]:
        """What goes into `agent.json`, apart from the algorithm."""
        return {
            "agent": self.spec.to_json(),
            **{name: getattr(self, name) for name in COUNTERS},
            "accuracy": self.accuracy,
            "device": self.policy.device.type,
            "versions": {module.__name__: module.__version__ for module in (torch, gym, glimpse_env)},
            "computed_with": self.computes_with,
        }

    def tensors(self) -> dict[str, Any]:
        """What goes into `tensors.pt`."""
        return {
            "policy": self.policy.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "metrics": self.metrics.tensors(),
        }

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A copy of the state, which `restore` brings back."""
        return self.describe(), deepcopy(self.tensors())

    def restore(self, description: dict[str, Any], tensors: dict[str, Any]) -> None:
        """Takes over the state that `snapshot` copied, or that is in a file.

        Without the optimizer's state, Adam starts anew.

        The random numbers of one kind of device cannot be continued on another one. There the generator is seeded from
        the agent's seed and its number of rollouts, so that loading one file twice gives the same agent.
        """
        for name in COUNTERS:
            setattr(self, name, description[name])
        self.accuracy = description["accuracy"]
        self.computed_with = description.get("computed_with")  # files of the first versions do not say
        self.policy.load_state_dict(tensors["policy"])
        # Adam would go on with these very tensors, and change them. Its settings are not the file's to choose.
        moments = deepcopy(tensors["optimizer"]["state"]) if "optimizer" in tensors else {}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if "metrics" in tensors:  # agents of the first versions have none
            self.metrics.restore(tensors["metrics"], self.policy.device)
        if description.get("device") == self.policy.device.type:
            self.generator.set_state(tensors["generator"].cpu())
        else:
            seeds = np.random.SeedSequence([self.spec.seed, self.num_rollouts])
            self.generator.manual_seed(seeds.generate_state(1, np.uint64).item())


def make_policy(spec: AgentSpec) -> RAMPolicy:
    """Makes the policy of an agent, untrained."""
    config = spec.environment.config
    channels = spec.glimpse_shape[0] // config.num_scales
    observation_space = spaces.observation_space(channels, config.retina, config.context_size)
    action_space = spaces.action_space(spec.num_classes)
    return RAMPolicy(observation_space, action_space, **spec.policy_kwargs, num_channels=channels, seed=spec.seed)


def expected_tensors(spec: AgentSpec) -> dict[str, Part]:
    """What `tensors.pt` must hold for an agent of that description, besides the state of its generator.

    Weights may have half the precision that they have in use. The optimizer's state may be missing, as a whole or for
    weights that were never trained.
    """
    with without_weights():
        policy = make_policy(spec)
    weights = {name: TensorSpec.like(weight, or_half=True) for name, weight in policy.state_dict().items()}
    step = TensorSpec((), (torch.float32,))
    moments = {
        number: Maybe({"step": step, "exp_avg": TensorSpec.like(weight), "exp_avg_sq": TensorSpec.like(weight)})
        for number, weight in enumerate(policy.parameters())
    }
    return {
        "policy": weights,
        "optimizer": Maybe({"state": moments, "param_groups": Ignored()}),
        "metrics": Maybe(Metrics.expected()),
    }


def check_progress(description: dict[str, Any]) -> None:
    """Checks all of a description but what the agent is made of.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of the wrong type.
        ValueError: Something is out of range.
    """
    for name in COUNTERS:
        check_integer(name, description[name], 0, MAX_EPISODE)
    if not isinstance(description.get("device", ""), str):
        raise TypeError(f"expected device to be a string, got {shown(description['device'])}")
    accuracy: Any = description["accuracy"]
    number = isinstance(accuracy, Real) and not isinstance(accuracy, bool)
    if accuracy is not None and not (number and 0 <= accuracy <= 1):
        raise ValueError(f"expected accuracy to be None or a number in [0, 1], got {shown(accuracy)}")


def check_numbers(tensors: dict[str, Any]) -> None:
    """Checks what training relies on, besides the shapes and types of tensors and that they are finite.

    Raises:
        ValueError: A standard deviation is not positive, or Adam cannot have such moments.
    """
    if not tensors["policy"]["location_std"] > 0:
        raise ValueError(f"expected location_std to be positive, got {tensors['policy']['location_std']}")
    for number, moments in tensors.get("optimizer", {"state": {}})["state"].items():
        if not (moments["step"] >= 1 and moments["step"] == moments["step"].round()):
            raise ValueError(f"expected optimizer.state.{number}.step to be a positive integer, got {moments['step']}")
        if not (moments["exp_avg_sq"] >= 0).all():
            raise ValueError(f"expected optimizer.state.{number}.exp_avg_sq to be at least 0, got negative numbers")


def upgrade_spec(description: dict[str, Any]) -> dict[str, Any]:
    """The agent's part of a description, with the names that settings have now.

    Args:
        description: As `AGENTS.read` read it, of any format.
    """
    spec: dict[str, Any] = description["agent"]
    if description["format"] >= 2:
        return spec
    settings = {SETTINGS_BEFORE_FORMAT_2.get(name, name): value for name, value in spec["settings"].items()}
    return spec | {"settings": settings}
