"""A plain convolutional network that sees the whole canvas: the ceiling for agents that look through glimpses."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import trange

from agents.algorithms.devices import choose_device
from agents.environments import read_environment
from agents.policy.recurrent_policy import MAX_UNITS
from glimpse_env.config import check_integer
from glimpse_env.utils.layers import MAX_SEED, make_layer, new_generator
from glimpse_env.utils.threads import torch_threads

BATCH_SIZE, TEST_BATCH_SIZE = 128, 500
LEARNING_RATE = 3e-3


class ConvNet(nn.Module):
    """Three convolutions, each with pooling behind it, and a linear layer; for canvases of any size from 16x16.

    Args:
        channels: Channels of a canvas.
        num_classes: Classes to tell apart.
        seed: Seed of the weights; by default random.
    """

    def __init__(self, channels: int, num_classes: int, seed: int | None = None) -> None:
        super().__init__()
        check_integer("channels", channels, 1, MAX_UNITS)
        check_integer("num_classes", num_classes, 1, MAX_UNITS)
        generator = new_generator(seed)
        layers: list[nn.Module] = []
        for size in (32, 64, 128):
            convolution = make_layer(nn.Conv2d, channels, size, kernel_size=3, padding=1, generator=generator)
            normalisation = nn.BatchNorm2d(size, device="cpu", dtype=torch.float32)
            layers += [convolution, nn.MaxPool2d(2), normalisation, nn.ReLU()]
            channels = size
        readout = make_layer(nn.Linear, 4 * size, num_classes, generator=generator)
        self.layers = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(2), nn.Flatten(), readout)

    def forward(self, canvases: Tensor) -> Tensor:
        """Maps canvases `(N, C, H, W)` uint8 to logits `(N, num_classes)`."""
        return self.layers(canvases.float() / 255)

    @torch.no_grad()
    def predict_classes(self, canvases: Tensor) -> NDArray[np.int64]:
        """The most probable class of each of the canvases, `(N, C, H, W)` uint8; `(N,)`."""
        self.eval()
        device = next(self.parameters()).device
        classes: NDArray[np.int64] = self(canvases.to(device)).argmax(-1).cpu().numpy()
        return classes


def train_convnet(
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    num_images: int,
    seed: int = 0,
    device: torch.device | str = "auto",
    progress_bar: bool = False,
    num_threads: int = 1,
) -> ConvNet:
    """Trains the network on the canvases of an environment's training split.

    Args:
        env: An environment, or its id.
        num_images: How many canvases to train on; each is made afresh.
        seed: Of the weights and the canvases.
        device: `"cpu"`, `"cuda"`, ... or `"auto"`.
        progress_bar: Show the time left.
        num_threads: Threads that torch takes on the CPU; more change the last digits.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number is out of range, or the environment or device is not there.

    Example:
        >>> network = train_convnet("glimpse_env:GlimpseDigits-v0", num_images=128 * 50)
        >>> convnet_accuracy(network, "glimpse_env:GlimpseDigits-v0") > 0.5
        True
    """
    check_integer("num_images", num_images, 1)
    check_integer("seed", seed, 0, MAX_SEED)
    device = choose_device(device)
    envs = read_environment(env).make_vec(BATCH_SIZE, split="train", device=str(device))
    envs.reset(seed=seed)
    world = _world(envs)
    network = ConvNet(world.canvases.shape[1], world.dataset.num_classes, seed).to(device)
    num_updates = max(1, num_images // BATCH_SIZE)
    # Fused, it counts its steps on the device of the weights, whatever torch's default device is.
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_updates)
    network.train()
    with torch_threads(num_threads):
        for _ in trange(num_updates, desc="convolutional network", unit="batch", disable=not progress_bar):
            loss = cross_entropy(network(world.canvases), world.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            envs.reset()
    return network


def convnet_accuracy(network: ConvNet, env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> float:
    """The accuracy of the network over the whole test split of an environment."""
    envs = read_environment(env).make_vec(TEST_BATCH_SIZE, split="test")
    world = _world(envs)
    labels = world.dataset.labels.numpy()
    predictions = np.zeros_like(labels)
    with torch_threads(1):
        for first in range(0, len(labels), TEST_BATCH_SIZE):
            images = np.arange(first, first + TEST_BATCH_SIZE)
            # The last batch is filled up with images that were there before; they get the same answer again.
            envs.reset(options={"index": images % len(labels)})
            predictions[images % len(labels)] = network.predict_classes(world.canvases)
    return float((predictions == labels).mean())


def _world(envs: Any) -> Any:
    return envs.unwrapped.world
