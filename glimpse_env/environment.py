"""The glimpse environment, one episode at a time."""

from __future__ import annotations

import os
from numbers import Integral
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from glimpse_env.config import WorldConfig, check_integer, check_render_mode, read_options
from glimpse_env.data import counter_rng
from glimpse_env.spaces import read_action
from glimpse_env.utils.errors import shown
from glimpse_env.utils.json_spec import JSONSpec
from glimpse_env.utils.threads import torch_threads
from glimpse_env.world import World

Observation = dict[str, NDArray[np.float32]]

RENDER_FPS = 2


def _first(observations: dict[str, torch.Tensor]) -> Observation:
    return {key: batch.numpy()[0] for key, batch in observations.items()}


class GlimpseEnv(JSONSpec, gym.Env[Any, Any]):
    """Classify an image by looking at it through a few small glimpses.

    ## Description
    The agent never sees the whole image. It sees a glimpse, a small square of it, and says where to look next and how
    probable each class is. After `num_glimpses` glimpses its belief is the answer (Mnih, Heess, Graves and Kavukcuoglu,
    "Recurrent Models of Visual Attention", 2014).

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
    `Box` of `2 + num_classes` floats: the next location, then a logit in [-20, 20] for each class. The belief is the
    softmax of the logits. Numbers outside their range are clipped to it. `DiscreteActions` offers a `MultiDiscrete`
    instead.

    ## Rewards
    This environment pays 0. `gym.make(id, reward=...)` wraps it:

    | `reward` | wrapper | reward of action t |
    |---|---|---|
    | `"hard"` (default) | `HardAttentionReward` | 1 if t = T and the most probable class is the label, else 0 |
    | `"entropy"` | `EntropyShapedReward` | hard + `reward_weight` * (H_{t-1} - H_t) |
    | `"information"` | `InformationGainReward` | hard + `reward_weight` * (log p_t(label) - log p_{t-1}(label)) |
    | `"anytime"` | `AnytimeReward` | hard + `reward_weight` * (log p_t(label) + log C), for C classes |
    | `None` | none | 0 |

    p_t is the belief in action t, and p_0 the uniform belief. H_t is the entropy of p_t in nats.

    ## Episode end
    An episode is one image. `reset` takes the first glimpse, at a uniformly random location or at `initial_location`.
    Action T, with T = `num_glimpses`, ends the episode (`terminated`). Its location is ignored, and its observation is
    the last glimpse again. Each epoch goes through the split in a fresh random order; `reset(options={"index": i})`
    chooses the image. On the test split, canvas `i` is the same in every run.

    `info` holds `index` at reset, and `label`, `prediction` and `is_success` at the step that ends the episode.

    ## Arguments
    | argument | default | what |
    |---|---|---|
    | `dataset` | `"mnist"` | name of a data set, built in or registered with `glimpse_env.register_dataset` |
    | `split` | `"train"` | `"train"` or `"test"` |
    | `num_glimpses` | 6 | glimpses in an episode (T), and so its number of steps; at most 4096 |
    | `glimpse_size` | 8 | side of a patch after pooling, in pixels (g) |
    | `num_scales` | 1 | patches of a glimpse, each twice as wide as the one before; at most 8 |
    | `initial_location` | `None` | location of the first glimpse, `(x, y)`; `None` for a random one |
    | `canvas_size` | `None` | side of a canvas with the image at a random place; `None`: the canvas is the image |
    | `num_distractors` | 0 | crops of other images on the canvas; needs `canvas_size`; at most 65,536 |
    | `context_size` | `None` | side of a coarse view of the whole canvas that observations show as `context` too |
    | `data_dir` | `None` | folder of the data sets; `None` for `$GLIMPSE_DATA_DIR`, or else the cache directory |
    | `image_size` | `None` | side to which images of the data set `"folder"` are resized; `None`: unchanged |
    | `render_mode` | `None` | `"rgb_array"`; `gym.make` takes `"human"` too, which opens a window |

    `gym.make` also takes `reward` and `reward_weight` (0.5, in [-1,000,000, 1,000,000]). The defaults of the
    ids differ, see `glimpse_env.IDS`.

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

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": RENDER_FPS}

    def __init__(
        self,
        dataset: str = "mnist",
        split: str = "train",
        num_glimpses: int = 6,
        glimpse_size: int = 8,
        num_scales: int = 1,
        initial_location: tuple[float, float] | None = None,
        canvas_size: int | None = None,
        num_distractors: int = 0,
        context_size: int | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        image_size: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        config = WorldConfig(
            dataset=dataset,
            split=split,
            num_glimpses=num_glimpses,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            initial_location=initial_location,
            canvas_size=canvas_size,
            num_distractors=num_distractors,
            context_size=context_size,
            data_dir=data_dir,
            image_size=image_size,
        )
        self.world = World(config, num_envs=1, device=torch.device("cpu"))
        self.observation_space = self.world.observation_space
        self.action_space = self.world.action_space

    # A large canvas would be computed with several threads, which wait for each other beside other processes.
    @torch_threads(1)
    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: Restarts the random numbers; the same seed gives the same episodes.
            options: `index`, an integer, chooses the image. `episode` sets the number of the episode since the
                environment was seeded, from 0, so that an interrupted training can resume.

        Raises:
            TypeError: The seed or an option is not an integer.
            ValueError: There is another option, or the seed or `episode` is negative.
            IndexError: `index` is not in the split.
        """
        asked = read_options(options)
        index = asked["index"]
        indices = None
        if index is not None:
            if not isinstance(index, Integral) or isinstance(index, bool):
                raise TypeError(f"expected index to be an integer, got {shown(index)}")
            indices = self.world.read_index([index])
        if seed is not None:
            check_integer("seed", seed, 0)
            seed = int(seed)
            super().reset(seed=seed)
            self.world.seed(np.array([counter_rng.make_key(seed)]))
        elif not self.world.seeded:
            self.world.seed(counter_rng.random_keys(self.np_random, 1))
        observation = _first(self.world.begin(indices, asked["episode"]))
        return observation, {"index": self.world.indices.item()}

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Takes an action; see the manual of the class.

        Raises:
            ResetNeeded: No episode is under way.
            TypeError: The action does not consist of floating-point numbers.
            ValueError: The action has another shape, or a number is NaN or infinite.
        """
        world = self.world
        world.check_ready()
        actions = read_action(action, world.action_space.shape, world.device)
        observation = _first(world.advance(actions))
        done = bool(world.done)
        info = {key: value.item() for key, value in world.outcome().items()} if done else {}
        return observation, 0.0, done, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the canvas, the glimpses so far, what the agent sees, and the belief.

        Returns:
            An image `(height, width, 3)` uint8, or None without `render_mode="rgb_array"`.

        Raises:
            ResetNeeded: There is no episode to draw.
        """
        if self.render_mode is None:
            return None
        # matplotlib takes longer to import than everything else here.
        from glimpse_env.rendering.frame import draw_frame

        return draw_frame(self.world.scene(0))
