"""Options that change a preset or an id: the environment's arguments, and settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class EnvironmentOptions:
    """Arguments of the environment; by default those of the preset or the id."""

    dataset: str | None = None
    """Name of a data set; `folder` for images in DATA_DIR/train/CLASS/ and DATA_DIR/test/CLASS/."""
    num_glimpses: int | None = None
    """Glimpses in an episode."""
    glimpse_size: int | None = None
    """Side of a patch after pooling, in pixels."""
    num_scales: int | None = None
    """Patches of a glimpse, each twice as wide as the one before."""
    initial_location: tuple[float, float] | None = None
    """Location of the first glimpse, x and y in [-1, 1]; by default random."""
    canvas_size: int | None = None
    """Side of a canvas with the image at a random place, in pixels."""
    num_distractors: int | None = None
    """Crops of other images on the canvas; needs a canvas size."""
    context_size: int | None = None
    """Side of a coarse view of the whole canvas that the agent gets, too, in pixels."""
    data_dir: Path | None = None
    """Folder of the data sets; by default `$GLIMPSE_DATA_DIR`, or else the user's cache directory."""
    image_size: int | None = None
    """Side to which the images of the data set `folder` are resized, in pixels."""
    reward_weight: float | None = None
    """Weight of what the reward adds to 1 for a correct answer; not with the reward hard."""


@dataclass(frozen=True)
class SettingsOptions:
    """How the agent learns; by default as the preset says."""

    learning_rate: float | tuple[float, float] | None = None
    """Learning rate of Adam: one number, or the first and the last, with a linear schedule between them."""
    location_std: float | tuple[float, float] | None = None
    """Standard deviation of the locations that are drawn: one number, or the first and the last."""
    warmup_fraction: float | None = None
    """Fraction of the training that the warm-up along a demonstration path takes, if the preset has one."""
    exploration_fraction: float | None = None
    """Fraction of the episodes that look at uniformly random locations."""
    num_envs: int | None = None
    """Sub-environments; each plays one episode per iteration."""
    episodes_per_image: int | None = None
    """So many sub-environments play the same image."""
    canvas_weight: float | None = None
    """Weight of predicting the canvas, pooled to 20x20, from the hidden state, so that the state holds more of the
    image; 0 by default, for no such prediction."""
    max_grad_norm: float | None = None
    """Gradients with a larger norm are scaled down to it."""
    precision: Literal["float32", "bfloat16"] | None = None
    """bfloat16 is mixed precision, where the processor has it."""
    num_threads: int | None = None
    """Threads that training takes on the CPU."""


def given(options: EnvironmentOptions | SettingsOptions) -> dict[str, Any]:
    """The options that were given, as arguments that can be written as JSON. Paths are absolute."""
    chosen = {name: value for name, value in asdict(options).items() if value is not None}
    return {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in chosen.items()}
