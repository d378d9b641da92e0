"""The plain loop trains the model of the package, so that their speeds can be compared."""

from __future__ import annotations

import torch

from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env import load_dataset
from glimpse_env.retina import Retina
from glimpse_env.spaces import action_space, observation_space
from scripts.benchmarks.plain_loop import GLIMPSE, PlainRAM, look, train_plain_loop


def test_its_network_is_that_of_the_package() -> None:
    policy, plain = RAMPolicy(observation_space(1, Retina(GLIMPSE, 1)), action_space(10), seed=0), PlainRAM()
    network = policy.glimpse_network
    layers = {"what": network.what, "where": network.where, "combine": network.combine, "core": policy.core.linear}
    heads = {"locator": policy.location_network.linear, "classifier": policy.classifier, "baseline": policy.baseline}
    for name, layer in {**layers, **heads}.items():
        getattr(plain, name).load_state_dict(layer.state_dict())
    assert {name for name, _ in plain.named_children()} == {*layers, *heads}
    generator = torch.Generator().manual_seed(0)
    glimpse, location = torch.rand(5, 1, 8, 8, generator=generator), torch.rand(5, 2, generator=generator)
    hidden = torch.rand(5, 256, generator=generator)
    expected = policy.remember({"glimpse": glimpse, "location": location}, hidden)
    torch.testing.assert_close(plain(glimpse.flatten(1), location, hidden), expected)


def test_its_glimpses_are_those_of_the_retina() -> None:
    images, retina = load_dataset("digits").images[:3], Retina(GLIMPSE, 1)
    locations = torch.tensor([[-0.9, 0.3], [0.0, 0.0], [0.45, -0.2]])
    padded = torch.nn.functional.pad(images[:, 0], [GLIMPSE // 2] * 4) / 255
    torch.testing.assert_close(look(padded, locations), retina.glimpses(retina.pool(images), locations).flatten(1))


def test_it_counts_the_images_that_it_trained_on() -> None:
    digits = load_dataset("digits")
    assert train_plain_loop(digits.images[:, 0], digits.labels, 8)(3) == 24
