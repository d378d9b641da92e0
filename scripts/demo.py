"""Plays a few episodes and saves them as animated pictures: `make demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, one_hot

from glimpse_env import load_dataset, save_gif
from glimpse_env.environment import Observation
from glimpse_env.retina import patch_corners

FOLDER = Path("demo")
DIGITS: dict[str, Any] = {"id": "GlimpseDigits-v0"}
CLUTTERED: dict[str, Any] = {"id": "GlimpseClutteredDigits-v0", "num_scales": 3}
EPISODES = {"digit-1": (DIGITS, 15), "digit-2": (DIGITS, 31), "digit-3": (DIGITS, 56), "cluttered": (CLUTTERED, 8)}
"""Name of the file; arguments of `gym.make`; which test image."""
NOISE = 1.0
"""By how much a pixel may differ from the same pixel of a similar image; white is 1. More makes for more doubt."""


class TemplateMatching:
    """Believes in the classes of the training images that look like what it has seen, wherever they may lie.

    It looks next where these images differ most. It is made anew for each episode, and learns nothing.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        config = env.unwrapped.world.config  # type: ignore[attr-defined]
        training = load_dataset(config.dataset)
        self.templates = training.images / 255  # (M, 1, h, w)
        self.classes = one_hot(training.labels, training.num_classes).float()  # (M, num_classes)
        self.glimpse_size = config.glimpse_size
        self.side = config.canvas_size or self.templates.shape[-1]
        self.margin = config.glimpse_size * 2**config.num_scales // 2  # patches may reach beyond the canvas
        self.seen = torch.zeros(2, self.side + 2 * self.margin, self.side + 2 * self.margin)  # brightness, sharpness

    def __call__(self, observation: Observation) -> NDArray[Any]:
        """Returns an action for an observation."""
        self.remember(observation)
        inside = slice(self.margin, self.margin + self.side)
        brightness, sharpness = self.seen[:, None, None, inside, inside]  # each (1, 1, side, side)

        # How well each template fits at each place: minus the squared distance, but for a constant.
        fit = 2 * conv2d(sharpness * brightness, self.templates) - conv2d(sharpness, self.templates**2)
        likely = (fit / (2 * NOISE**2)).flatten().softmax(0).view_as(fit)  # (1, M, places, places)
        scores = (likely.sum((0, 2, 3)) @ self.classes).log()

        mean, mean_square = conv_transpose2d(likely, self.templates), conv_transpose2d(likely, self.templates**2)
        doubt = avg_pool2d((mean_square - mean**2) * (1 - sharpness), self.glimpse_size, stride=1)[0, 0]
        row, column = divmod(int(doubt.argmax()), doubt.shape[1])
        location = (torch.tensor([column, row]) + self.glimpse_size / 2) / self.side * 2 - 1
        return torch.cat([location, scores.clamp(min=-20)]).numpy()

    def remember(self, observation: Observation) -> None:
        """Paints a glimpse where it was taken, but nowhere over what was seen more sharply."""
        locations = torch.from_numpy(observation["location"])[None]
        for scale, patch in enumerate(torch.from_numpy(observation["glimpse"])):
            block = 2**scale
            pixels = patch.repeat_interleave(block, 0).repeat_interleave(block, 1)
            left, top = (patch_corners(locations, (self.side, self.side), len(pixels))[0] + self.margin).tolist()
            part = self.seen[:, top : top + len(pixels), left : left + len(pixels)]
            new = torch.stack([pixels, torch.full_like(pixels, 1 / block**2)])
            part.copy_(torch.where(part[1] < new[1], new, part))


def main() -> None:
    """Plays all episodes."""
    for name, (arguments, index) in track(EPISODES.items(), "Playing"):
        env = gym.make(**arguments, split="test", render_mode="rgb_array")
        save_gif(env, FOLDER / f"{name}.gif", TemplateMatching(env), seed=index, options={"index": index})
    print(f"Open {FOLDER.resolve()}/*.gif: the bars are what it believes, the numbers the order in which it looked.")


if __name__ == "__main__":
    main()
