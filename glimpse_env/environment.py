"""The glimpse environment, one episode at a time."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from glimpse_env.config import WorldConfig, check_render_mode, read_options
from glimpse_env.data import counter_rng
from glimpse_env.spaces import read_action
from glimpse_env.window import Window
from glimpse_env.world import World

Observation = dict[str, NDArray[np.float32]]

RENDER_FPS = 2


class GlimpseEnv(gym.Env[Any, Any]):
    """Classify an image by looking at it through a few small glimpses.

    ## Description
    The agent cannot see the image whole. It sees a glimpse, a small square of it, says where to look next and which
    class it believes in, and after `num_glimpses` glimpses its belief is the answer (Mnih, Heess, Graves and
    Kavukcuoglu, "Recurrent Models of Visual Attention", 2014).

    A location is `(x, y)` in [-1, 1]: (-1, -1) is the top-left corner of the canvas and (1, 1) its bottom-right, x to
    the right, y down. A glimpse is centred on its location at whole-pixel precision; outside the canvas there is
    background (0).

    ## Observation space
    `Dict` of

    | key | space | what |
    |---|---|---|
    | `glimpse` | `Box(0, 1, (num_scales * channels, g, g), float32)` | `num_scales` patches, fine ones first |
    | `location` | `Box(-1, 1, (2,), float32)` | where this glimpse was taken |

    Patch s covers `g * 2**s` pixels a side, with `g = glimpse_size`, and is average-pooled to `g`.

    ## Action space
    `Box` of `2 + num_classes` floats: the next location, then a logit (logit) in [-20, 20] for each class. The belief
    is the softmax of the logits. Numbers outside their range are clipped to it. `DiscreteActions` offers a
    `MultiDiscrete` instead.

    ## Rewards
    This environment pays 0. `gym.make(id, reward=...)` wraps it:

    | `reward` | wrapper | reward of action t |
    |---|---|---|
    | `"hard"` (default) | `HardAttentionReward` | 1 if t = T and the most believed class is the label, else 0 |
    | `"entropy"` | `EntropyShapedReward` | hard + `reward_weight` * (entropy of belief t-1 - entropy of belief t) |
    | `"information"` | `InformationGainReward` | hard + `reward_weight` * (log p_t(label) - log p_{t-1}(label)) |
    | `"anytime"` | `AnytimeReward` | hard + `reward_weight` * (log p_t(label) + log C), for C classes |
    | `None` | none | 0 |

    ## Episode
    An episode is one image. `reset` looks once, at a uniformly random place or at `initial_location`. The T-th action,
    T = `num_glimpses`, ends the episode (`terminated`): its location is ignored, and the observation that comes with it
    is the last glimpse again. Training goes through a fresh random permutation of the split each epoch;
    `reset(options={"index": i})` chooses the image. On the test split, canvas `i` is the same in every run.

    `info` holds `index` at reset, and `label`, `prediction` and `is_success` at the step that ends the episode.

    ## Arguments
    `dataset`, `split`, `num_glimpses`, `glimpse_size`, `num_scales`, `initial_location`, `canvas_size`,
    `num_distractors` and `data_dir` are explained at `glimpse_env.WorldConfig`; `render_mode` is `None`,
    `"rgb_array"` or `"human"`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument, data set or split is unknown or out of range.
        DatasetError: The data are missing and cannot be downloaded, or are damaged.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> env = gym.make("GlimpseDigits-v0", num_glimpses=2)
        >>> observation, info = env.reset(seed=1)
        >>> observation["glimpse"].shape
        (1, 8, 8)
        >>> for _ in range(2):
        ...     observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        >>> terminated, sorted(info)
        (True, ['is_success', 'label', 'prediction'])
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": RENDER_FPS}

    def __init__(self, render_mode: str | None = None, **arguments: Any) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.world = World(WorldConfig.from_arguments(arguments), 1, torch.device("cpu"))
        self.observation_space = self.world.observation_space
        self.action_space = self.world.action_space
        self._window: Window | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: Begins the random numbers anew; the same seed gives the same episodes.
            options: `index` chooses the image, an integer. `episode` chooses the number of the episode since the
                environment was seeded, from 0, so that training can go on where it was interrupted.

        Raises:
            TypeError: An option is not an integer.
            ValueError: There is another option, or `episode` is negative.
            IndexError: `index` is not in the split.
        """
        index, episode = read_options(options)
        indices = None
        if index is not None:
            if not isinstance(index, Integral) or isinstance(index, bool):
                raise TypeError(f"expected index to be an integer, got {index!r}")
            indices = self.world.read_index([index])
        super().reset(seed=seed)
        if seed is not None:
            self.world.seed(np.array([counter_rng.make_key(seed)]))
        elif not self.world.seeded:
            self.world.seed(counter_rng.random_keys(self.np_random, 1))
        observation = _first(self.world.begin(indices, episode))
        self._show()
        return observation, {"index": self.world.indices.item()}

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Takes an action; see the class.

        Raises:
            ResetNeeded: No episode is under way.
            TypeError: The action does not consist of floating-point numbers.
            ValueError: The action has another shape, or a number is NaN or infinite.
        """
        world = self.world
        world.check_ready()
        actions = read_action(action, world.action_space.shape, world.device)
        observation = _first(world.advance(actions))
        self._show()
        info = {key: value.item() for key, value in world.outcome().items()} if world.done else {}
        return observation, 0.0, world.done, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the canvas, the glimpses so far, the retina's view and the belief.

        Returns:
            In mode `"rgb_array"`, an image `(height, width, 3)` uint8. In mode `"human"`, None: `reset` and `step`
            show it already.

        Raises:
            ResetNeeded: There is no episode to draw.
        """
        if self.render_mode != "rgb_array":
            return None
        return self._draw()

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _show(self) -> None:
        if self.render_mode == "human":
            if self._window is None:
                self._window = Window("Glimpses", RENDER_FPS)
            self._window.show(self._draw())

    def _draw(self) -> NDArray[np.uint8]:
        from glimpse_env.rendering.frame import draw

        return draw(self.world.scene(0))


def _first(observations: dict[str, torch.Tensor]) -> Observation:
    return {key: batch.numpy()[0] for key, batch in observations.items()}
