"""Recordings: what an agent saw, knew and believed on every image, glimpse by glimpse."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor
from tqdm import tqdm

from explain.numbers import check_beliefs, check_in_range
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.config import WorldConfig
from glimpse_env.dataset_rollout import Agent, dataset_rollout, world_of
from glimpse_env.retina import Retina
from glimpse_env.spaces import LOCATION_SIZE, belief_of
from glimpse_env.utils.archive import Archive, InvalidFileError
from glimpse_env.utils.errors import shown
from glimpse_env.utils.stored_tensors import TensorSpec
from glimpse_env.utils.threads import torch_threads

FIELDS = {
    "hidden": TensorSpec((None, None, None), (torch.float32,)),
    "beliefs": TensorSpec((None, None, None), (torch.float32,)),
    "locations": TensorSpec((None, None, LOCATION_SIZE), (torch.float32,)),
    "labels": TensorSpec((None,), (torch.int64,)),
    "indices": TensorSpec((None,), (torch.int64,)),
    "canvases": TensorSpec((None, None, None, None), (torch.uint8,)),
    "originals": TensorSpec((None, None, None, None), (torch.uint8,)),
}
"""The tensors of a recording, with what all have in common, whatever their number of images, glimpses and so on."""


class InvalidRecordingError(InvalidFileError):
    """A file is not a recording that can be loaded."""

    kind = "a recording"


RECORDINGS = Archive("recording", 1, InvalidRecordingError)


@dataclass(frozen=True, eq=False)
class Recording:
    """What an agent saw, knew and believed: `T` glimpses at each of `N` images, as tensors on one device.

    Attributes:
        hidden: The agent's state after each glimpse, `(N, T, D)` float32. All parts of the state of a
            Stable-Baselines3 model are concatenated.
        beliefs: Class probabilities after each glimpse, `(N, T, C)` float32, each summing to 1.
        locations: Where each glimpse was taken, `(N, T, 2)` float32, `(x, y)` in [-1, 1].
        labels: True classes, `(N,)` int64.
        indices: Positions of the images in their split, `(N,)` int64.
        canvases: What the agent looked at, `(N, channels, H, W)` uint8.
        originals: The clean images, `(N, channels, h, w)` uint8.
        retina: The geometry of looking.

    Raises:
        TypeError: A part is no tensor, or the retina no `Retina`.
        ValueError: A tensor has another type or shape, or the tensors are on several devices.
    """

    hidden: Tensor
    beliefs: Tensor
    locations: Tensor
    labels: Tensor
    indices: Tensor
    canvases: Tensor
    originals: Tensor
    retina: Retina

    def __post_init__(self) -> None:
        for name in FIELDS:
            if not isinstance(getattr(self, name), Tensor):
                raise TypeError(f"expected {name} to be a tensor, got {shown(getattr(self, name))}")
        if not isinstance(self.retina, Retina):
            raise TypeError(f"expected retina to be a Retina, got {shown(self.retina)}")
        images, glimpses = self.hidden.shape[:2] if self.hidden.ndim == 3 else (None, None)
        for name, spec in FIELDS.items():
            known = (images, glimpses) if name in ("beliefs", "locations") else (images,)
            if name != "hidden":
                spec = replace(spec, shape=(*known, *spec.shape[len(known) :]))
            tensor = getattr(self, name)
            if not spec.fits(tensor.dtype, tuple(tensor.shape)):
                got = f"{tensor.dtype} and {tuple(tensor.shape)}"
                raise ValueError(f"expected {name} {spec.describe()}, got {got}")
        devices = {getattr(self, name).device for name in FIELDS}
        if len(devices) > 1:
            raise ValueError(f"expected all tensors of a recording on one device, got {sorted(map(str, devices))}")

    def __len__(self) -> int:
        """The number of images."""
        return len(self.hidden)

    def __getitem__(self, images: slice) -> Recording:
        """A recording of some of the images, which shares memory with this one."""
        return replace(self, **{name: getattr(self, name)[images] for name in FIELDS})

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.hidden.device

    def to(self, device: str | torch.device) -> Recording:
        """The same recording on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in FIELDS})

    def canvas_is_original(self) -> bool:
        """Whether every canvas is the clean image."""
        return torch.equal(self.canvases, self.originals)

    def coverage(self, images: Tensor, glimpses: Tensor) -> Tensor:
        """The coverage masks of some images, each after one glimpse: which of its pixels were seen so far.

        The masks of all images after all glimpses may need gigabytes: a bool for each pixel of a canvas.

        Args:
            images: Positions of `M` images in the recording, `(M,)` int64.
            glimpses: Numbers of glimpses from 0, `(M,)` int64.

        Returns:
            `(M, H, W)` bool.
        """
        # Later glimpses are replaced by the present one, so that the last mask is that of the present one.
        numbers = torch.arange(self.locations.shape[1], device=self.device).minimum(glimpses[:, None])
        locations = self.locations[images[:, None], numbers]  # (M, T, 2)
        height, width = self.canvases.shape[-2:]
        return self.retina.coverage(locations, (height, width))[:, -1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the recording as one zip, all or not at all; see `glimpse_env.utils.archive`.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
        """
        # Cloned, because torch saves all of the memory that a slice is a part of.
        tensors = {name: getattr(self, name).cpu().clone() for name in FIELDS}
        RECORDINGS.write(path, asdict(self.retina), tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recording:
        """Reads what `save` wrote, onto the CPU, without executing anything.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidRecordingError: It is damaged, no recording, or of a newer format.
        """
        with RECORDINGS.open(path) as saved:
            # The arguments of a world have bounds.
            config = WorldConfig(**{field.name: saved.description[field.name] for field in fields(Retina)})
            recording = cls(**saved.tensors(FIELDS), retina=config.retina)
            recording._check_numbers()
        return recording

    def _check_numbers(self) -> None:
        """Raises a `ValueError` unless the numbers can be those of a recording. That they are finite is known."""
        num_images, num_glimpses, num_classes = self.beliefs.shape
        if min(num_images, num_glimpses, num_classes, self.canvases[0].numel(), self.originals[0].numel()) == 0:
            raise ValueError("expected images, glimpses, classes and pixels, got none")
        for name, low, high in (("locations", -1, 1), ("labels", 0, num_classes - 1), ("indices", 0, sys.maxsize)):
            check_in_range(name, getattr(self, name), low, high)
        check_beliefs(self.beliefs)


def record(
    agent: Agent,
    env: VectorEnv[Any, Any, Any],
    num_images: int | None = None,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    num_threads: int = 1,
    progress: bool = False,
) -> Recording:
    """Records an agent that looks at the first images of a split, each once, with deterministic actions.

    Args:
        agent: Any agent whose `predict` returns a state.
        env: A native vector environment on that split; its number of sub-environments is the batch size.
        num_images: How many images; by default all of the split.
        seed: Determines the first locations; see `glimpse_env.dataset_rollout`.
        device: Where the tensors of the recording are.
        num_threads: Threads that torch takes on the CPU; more change the last digits.
        progress: Show a progress bar.

    Raises:
        ValueError: `env` is not a native vector environment, there are fewer images, or the agent has no state.

    Example:
        >>> from agents import REINFORCE
        >>> agent = REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs={"hidden_size": 16})
        >>> record(agent, agent.make_vec_env(30, split="test"), 60).hidden.shape
        torch.Size([60, 6, 16])
    """
    agent = RecurrentAgent(agent, device)
    batches: dict[str, list[Tensor]] = {name: [] for name in ("hidden", "beliefs", "locations", "canvases")}
    with torch_threads(num_threads), tqdm(desc="Recording", disable=not progress, unit="glimpse") as bar:
        for batch in dataset_rollout(agent, env, num_images, seed=seed):
            new = slice(len(batch.images))
            batches["hidden"].append(agent.flatten(batch.state)[new])
            batches["beliefs"].append(belief_of(torch.from_numpy(batch.logits[new])))
            batches["locations"].append(torch.from_numpy(batch.observation["location"][new]))
            if batch.glimpse == 0:
                batches["canvases"].append(torch.from_numpy(batch.canvases[new]))
            bar.update(len(batch.images))
    world = world_of(env)
    canvases = torch.cat(batches.pop("canvases"))
    steps = {name: _by_image(parts, world.config.num_glimpses) for name, parts in batches.items()}
    count = len(canvases)
    tensors = steps | {
        "labels": world.dataset.labels[:count].clone(),
        "indices": torch.arange(count, device="cpu"),
        "canvases": canvases,
        "originals": world.dataset.images[:count],
    }
    return Recording(**{name: tensor.to(agent.device) for name, tensor in tensors.items()}, retina=world.retina)


def _by_image(parts: list[Tensor], num_glimpses: int) -> Tensor:
    """Puts the glimpses of batches, one after the other, into one tensor `(images, glimpses, ...)`."""
    batches = (parts[first : first + num_glimpses] for first in range(0, len(parts), num_glimpses))
    return torch.cat([torch.stack(batch, dim=1) for batch in batches])
