"""Fitting: it learns what the hidden state tells and nothing else, stops in time, and repeats itself bit for bit."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from explain import Fit, FitSettings, HiddenStateVAE, Recording, VAESettings, fit_vae
from explain.reconstruction.vae import to_unit
from glimpse_env.retina import Retina

SETTINGS = VAESettings(latent_size=4, layer_size=32)
QUICK = FitSettings(num_epochs=2, batch_size=16)


def make_recording(count: int, seed: int = 0, noise: float = 0.05, glimpses: int = 2) -> Recording:
    """Images of stripes that are white or black, and hidden states that hold every pixel linearly."""
    stripes = np.random.default_rng(seed).integers(0, 2, (count, 4))
    images = np.repeat(stripes, 8, axis=1).reshape(count, 1, 8, 4).astype(np.uint8) * 255
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(32, 12))
    rng = np.random.default_rng(seed + 1000)
    hidden = (images.reshape(count, 1, 32) / 255) @ weights + noise * rng.normal(size=(count, glimpses, 12))
    return Recording(
        hidden=torch.as_tensor(hidden.astype(np.float32)),
        beliefs=torch.as_tensor(np.full((count, glimpses, 10), 0.1, np.float32)),
        locations=torch.as_tensor(rng.uniform(-1, 1, (count, glimpses, 2)).astype(np.float32)),
        labels=torch.as_tensor(np.zeros(count, np.int64)),
        indices=torch.as_tensor(np.arange(count)),
        canvases=torch.as_tensor(images),
        originals=torch.as_tensor(images.copy()),
        retina=Retina(4, 1),
    )


def overfitting() -> tuple[Recording, FitSettings]:
    """Few images that have nothing to do with their hidden states, learnt by heart."""
    recording = make_recording(20)
    hidden = torch.from_numpy(np.random.default_rng(5).normal(size=recording.hidden.shape).astype(np.float32))
    return replace(recording, hidden=hidden), FitSettings(num_epochs=40, batch_size=8, learning_rate=1e-2)


def shuffled(recording: Recording) -> Recording:
    order = torch.randperm(len(recording), generator=torch.Generator().manual_seed(0))
    return replace(recording, hidden=recording.hidden[order])


def mean_square_error(vae: HiddenStateVAE, recording: Recording) -> float:
    images = to_unit(recording.originals)[:, None]
    return (vae.reconstruct(recording.hidden) - images).square().mean().item()


def mean_image_error(training: Recording, recording: Recording) -> float:
    images = to_unit(recording.originals)
    return (images - to_unit(training.originals).mean(0)).square().mean().item()


def weights(fit: Fit) -> dict[str, torch.Tensor]:
    return fit.vae.state_dict()


def same(one: Fit, other: Fit) -> bool:
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize(("partial", "share"), [(False, 0.1), (True, 0.4)])
def test_it_reconstructs_what_the_hidden_state_holds(partial: bool, share: float) -> None:
    training, test = make_recording(300), make_recording(100, seed=1)
    how = FitSettings(num_epochs=80, batch_size=64, learning_rate=5e-3, patience=80)
    fit = fit_vae(training, replace(SETTINGS, partial=partial), how)
    assert mean_square_error(fit.vae, test) < share * mean_image_error(training, test)
    assert len(fit.losses) == 80
    assert fit.losses[-1] < 0.7 * fit.losses[0]


def test_shuffled_hidden_states_are_worth_no_more_than_the_mean_image() -> None:
    training, test = shuffled(make_recording(300)), shuffled(make_recording(100, seed=1))
    fit = fit_vae(training, SETTINGS, FitSettings(num_epochs=40, batch_size=64, learning_rate=5e-3))
    assert mean_square_error(fit.vae, test) > 0.98 * mean_image_error(training, test)


def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    recording = make_recording(40)
    first = fit_vae(recording, SETTINGS, QUICK)
    torch.manual_seed(1234)
    before = torch.get_rng_state()
    again = fit_vae(recording, SETTINGS, QUICK)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(first, again)
    assert first.losses == again.losses
    other = fit_vae(recording, SETTINGS, replace(QUICK, seed=1))
    assert not same(first, other)


def test_it_stops_early_and_gives_back_the_best_epoch() -> None:
    recording, how = overfitting()
    fit = fit_vae(recording, SETTINGS, how)
    best = int(np.argmin(fit.losses)) + 1
    assert best + how.patience == len(fit.losses) < how.num_epochs
    later = fit_vae(recording, SETTINGS, replace(how, patience=how.patience + 2))
    assert later.losses[: len(fit.losses)] == fit.losses
    assert len(later.losses) == len(fit.losses) + 2
    assert same(fit, later)


def test_patience_is_how_long_it_waits() -> None:
    recording, how = overfitting()
    lengths = []
    for patience in (1, 2, 5):
        losses = fit_vae(recording, SETTINGS, replace(how, patience=patience)).losses
        assert len(losses) == int(np.argmin(losses)) + 1 + patience
        lengths.append(len(losses))
    assert lengths == sorted(lengths)


def test_the_learning_rate_falls_to_0_along_half_a_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    class Watched(torch.optim.Adam):
        def step(self, closure: Any = None) -> Any:
            rates.extend(group["lr"] for group in self.param_groups)
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    recording = make_recording(11)  # 10 images of 2 glimpses are trained on, in batches of 8, 8 and 4
    fit_vae(recording, SETTINGS, FitSettings(num_epochs=4, batch_size=8, learning_rate=2e-3, patience=4))
    expected = 2e-3 * (1 + np.cos(np.pi * np.arange(12) / 12)) / 2
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_held_out_images_are_never_trained_on() -> None:
    """After a single epoch the weights are those that training left: only images that were trained on matter."""
    recording = make_recording(10)
    how = replace(QUICK, num_epochs=1, validation_fraction=0.3)
    expected = fit_vae(recording, SETTINGS, how)
    unused = 0
    for image in range(10):
        changed = replace(recording, hidden=recording.hidden.clone(), originals=recording.originals.clone())
        changed.hidden[image] += 1
        changed.originals[image] ^= 255
        fit = fit_vae(changed, SETTINGS, how)
        unused += same(fit, expected)
        assert (fit.losses != expected.losses) or not same(fit, expected)
    assert unused == 3


def test_the_recording_is_left_as_it_was() -> None:
    recording, untouched = make_recording(20), make_recording(20)
    fit_vae(recording, SETTINGS, QUICK)
    for one in fields(recording):
        np.testing.assert_array_equal(getattr(recording, one.name), getattr(untouched, one.name))


def test_only_pixels_that_were_seen_are_learnt_when_partial() -> None:
    """What lies where nobody ever looked may change without consequence."""
    recording = make_recording(20)
    recording.locations[:] = -1
    changed = replace(recording, canvases=recording.canvases.clone(), originals=recording.originals.clone())
    for images in (changed.canvases, changed.originals):
        images[:, :, 2:] ^= 255
    partial = replace(SETTINGS, partial=True)
    assert same(fit_vae(recording, partial, QUICK), fit_vae(changed, partial, QUICK))
    assert not same(fit_vae(recording, SETTINGS, QUICK), fit_vae(changed, SETTINGS, QUICK))


def test_beta_draws_z_towards_the_prior() -> None:
    recording = make_recording(100)
    how = FitSettings(num_epochs=10, batch_size=32, learning_rate=5e-3)
    spreads = []
    for beta in (0.1, 100.0):
        vae = fit_vae(recording, replace(SETTINGS, beta=beta), how).vae
        mean, _ = vae.encode(recording.hidden)
        spreads.append(mean.std().item())
    assert spreads[0] > 3 * spreads[1]


def test_two_images_are_enough_and_one_is_not() -> None:
    fit = fit_vae(make_recording(2, glimpses=1), SETTINGS, QUICK)
    assert np.isfinite(fit.losses).all()
    assert all(value.isfinite().all() for value in weights(fit).values())
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        fit_vae(make_recording(1), SETTINGS, QUICK)


def test_settings_that_do_not_fit_the_recording_are_refused() -> None:
    recording = make_recording(10)
    recording.canvases[:] = 0
    with pytest.raises(ValueError, match="partial=True"):
        fit_vae(recording, replace(SETTINGS, partial=True), QUICK)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_epochs": 0}, "num_epochs to be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size to be at least 1, got 0"),
        ({"patience": 0}, "patience to be at least 1, got 0"),
        ({"validation_fraction": 0.0}, "validation_fraction between 0 and 1, got 0"),
        ({"validation_fraction": 1.0}, "validation_fraction between 0 and 1, got 1"),
    ],
)
def test_fit_settings_out_of_range_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        FitSettings(**arguments)
