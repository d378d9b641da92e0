"""The convolutional network: takes canvases of any size, learns, and is measured on each test image once."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents import ConvNet, convnet_accuracy, train_convnet
from glimpse_env import load_dataset

ID = "GlimpseDigits-v0"


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 16), (1, 28, 28), (3, 32, 32), (1, 100, 60)])
def test_takes_canvases_of_any_size(channels: int, height: int, width: int) -> None:
    network = ConvNet(channels, num_classes=7)
    canvases = torch.randint(0, 256, (5, channels, height, width), dtype=torch.uint8)
    assert network(canvases).shape == (5, 7)
    classes = network.predict_classes(canvases)
    assert classes.shape == (5,)
    assert set(classes.tolist()) <= set(range(7))


def test_predicts_each_canvas_by_itself() -> None:
    network = ConvNet(1, 10)
    canvases = load_dataset("digits", "test").images[:20]
    together = network.predict_classes(canvases)
    one_by_one = np.concatenate([network.predict_classes(canvas[None]) for canvas in canvases])
    np.testing.assert_array_equal(together, one_by_one)


def test_learns_and_counts_each_image_once() -> None:
    network = train_convnet(ID, num_images=128 * 40, device="cpu")
    accuracy = convnet_accuracy(network, ID)
    assert accuracy > 0.6
    digits = load_dataset("digits", "test")
    right = network.predict_classes(digits.images) == digits.labels.numpy()
    assert accuracy == pytest.approx(right.mean())


def test_same_seed_gives_the_same_network() -> None:
    env = gym.make("GlimpseClutteredDigits-v0", split="test")  # the split that it learns from is the training split
    one, same, other = (train_convnet(env, num_images=128 * 2, seed=seed, device="cpu") for seed in (0, 0, 1))
    for name, weights in one.state_dict().items():
        assert weights.equal(same.state_dict()[name])
    assert not one.layers[0].weight.equal(other.layers[0].weight)
