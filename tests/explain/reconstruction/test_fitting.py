"""Fitting learns what the hidden state tells and nothing else, stops in time, and repeats itself bit for bit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from explain import Fit, FitSettings, HiddenStateVAE, VAESettings, fit_vae
from explain.reconstruction.fitting import FitDiverged
from explain.reconstruction.vae import Coverage, to_unit

SETTINGS = VAESettings(latent_size=4, layer_size=32)
PARTIAL = VAESettings(latent_size=4, layer_size=32, partial=True)
QUICK = FitSettings(num_epochs=2, batch_size=16)


class Data(NamedTuple):
    """Hidden states `(N, T, 12)`, images `(N, 1, 8, 4)` and which pixels were seen `(N, T, 8, 4)`."""

    states: Tensor
    images: Tensor
    coverage: Tensor


def make_data(count: int, seed: int = 0, noise: float = 0.05, glimpses: int = 2) -> Data:
    """Images of stripes that are white or black, and hidden states that hold every pixel linearly."""
    stripes = np.random.default_rng(seed).integers(0, 2, (count, 4))
    images = np.repeat(stripes, 8, axis=1).reshape(count, 1, 8, 4).astype(np.uint8) * 255
    weights = np.random.default_rng(1).normal(size=(32, 12))
    rng = np.random.default_rng(seed + 1000)
    states = (images.reshape(count, 1, 32) / 255) @ weights + noise * rng.normal(size=(count, glimpses, 12))
    coverage = rng.integers(0, 2, (count, glimpses, 8, 4)).astype(bool)
    return Data(*(torch.from_numpy(array) for array in (states.astype(np.float32), images, coverage)))


def fit(data: Data, settings: VAESettings = SETTINGS, how: FitSettings = QUICK) -> Fit:
    return fit_vae(data.states, data.images, settings, how, masks_in(data.coverage) if settings.partial else None)


def masks_in(coverage: Tensor) -> Coverage:
    """Gives the masks of a batch out of those of all images and glimpses."""
    return lambda images, glimpses: coverage[images, glimpses]


def overfitting() -> tuple[Data, FitSettings]:
    """Few images that have nothing to do with their hidden states, learnt by heart."""
    states = torch.randn(20, 2, 12, generator=torch.Generator().manual_seed(5))
    return make_data(20)._replace(states=states), FitSettings(num_epochs=40, batch_size=8, learning_rate=1e-2)


def shuffled(data: Data) -> Data:
    order = torch.randperm(len(data.states), generator=torch.Generator().manual_seed(0))
    return data._replace(states=data.states[order])


def mean_square_error(vae: HiddenStateVAE, data: Data) -> float:
    return (vae.reconstruct(data.states) - to_unit(data.images)[:, None]).square().mean().item()


def mean_image_error(train: Data, test: Data) -> float:
    return (to_unit(test.images) - to_unit(train.images).mean(0)).square().mean().item()


def same(one: Fit, other: Fit) -> bool:
    weights = other.vae.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in one.vae.state_dict().items())


@pytest.mark.parametrize(("settings", "fraction"), [(SETTINGS, 0.1), (PARTIAL, 0.4)])
def test_it_reconstructs_what_the_hidden_state_holds(settings: VAESettings, fraction: float) -> None:
    train, test = make_data(300), make_data(100, seed=1)
    fitted = fit(train, settings, FitSettings(num_epochs=80, batch_size=64, learning_rate=5e-3, patience=80))
    assert mean_square_error(fitted.vae, test) < fraction * mean_image_error(train, test)
    assert len(fitted.losses) == 80
    assert fitted.losses[-1] < 0.7 * fitted.losses[0]
    assert not fitted.vae.training


def test_shuffled_hidden_states_are_worth_no_more_than_the_mean_image() -> None:
    train, test = shuffled(make_data(300)), shuffled(make_data(100, seed=1))
    fitted = fit(train, SETTINGS, FitSettings(num_epochs=40, batch_size=64, learning_rate=5e-3))
    assert mean_square_error(fitted.vae, test) > 0.98 * mean_image_error(train, test)


def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    data = make_data(40)
    first = fit(data)
    torch.manual_seed(1234)
    before = torch.get_rng_state()
    again = fit(data)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(first, again)
    assert first.losses == again.losses
    assert not same(first, fit(data, SETTINGS, FitSettings(num_epochs=2, batch_size=16, seed=1)))


def with_patience(how: FitSettings, patience: int) -> FitSettings:
    return FitSettings(how.num_epochs, how.batch_size, how.learning_rate, patience=patience)


def test_it_stops_early_and_gives_back_the_best_epoch() -> None:
    data, how = overfitting()
    fitted = fit(data, SETTINGS, how)
    best = int(np.argmin(fitted.losses)) + 1
    assert best + how.patience == len(fitted.losses) < how.num_epochs
    later = fit(data, SETTINGS, with_patience(how, how.patience + 2))
    assert later.losses[: len(fitted.losses)] == fitted.losses
    assert len(later.losses) == len(fitted.losses) + 2
    assert same(fitted, later)


def test_patience_is_how_long_it_waits() -> None:
    data, how = overfitting()
    lengths = []
    for patience in (1, 2, 5):
        losses = fit(data, SETTINGS, with_patience(how, patience)).losses
        assert len(losses) == int(np.argmin(losses)) + 1 + patience
        lengths.append(len(losses))
    assert lengths == sorted(lengths)


def test_the_learning_rate_falls_to_0_along_half_a_cosine() -> None:
    rates = []

    def note(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        rates.extend(group["lr"] for group in optimizer.param_groups)

    data = make_data(11)  # 10 images of 2 glimpses are trained on, in batches of 8, 8 and 4
    handle = register_optimizer_step_pre_hook(note)
    try:
        fit(data, SETTINGS, FitSettings(num_epochs=4, batch_size=8, learning_rate=2e-3, patience=4))
    finally:
        handle.remove()
    expected = 2e-3 * (1 + np.cos(np.pi * np.arange(12) / 12)) / 2
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_held_out_images_are_never_trained_on() -> None:
    """After a single epoch the weights are those that training left: only images that were trained on matter."""
    data = make_data(10)
    how = FitSettings(num_epochs=1, batch_size=16, validation_fraction=0.3)
    expected = fit(data, SETTINGS, how)
    unused = 0
    for image in range(10):
        changed = Data(*(tensor.clone() for tensor in data))
        changed.states[image] += 1
        changed.images[image] ^= 255
        fitted = fit(changed, SETTINGS, how)
        unused += same(fitted, expected)
        assert (fitted.losses != expected.losses) or not same(fitted, expected)
    assert unused == 3


def test_its_arguments_are_left_as_they_were() -> None:
    data, untouched = make_data(20), make_data(20)
    fit(data, PARTIAL)
    assert all(torch.equal(mine, other) for mine, other in zip(data, untouched, strict=True))


def test_only_pixels_that_were_seen_are_learnt_when_partial() -> None:
    """What lies where nobody ever looked may change without consequence."""
    data = make_data(20)
    data.coverage[..., 2:, :] = False
    changed = data._replace(images=data.images.clone())
    changed.images[:, :, 2:] ^= 255
    assert same(fit(data, PARTIAL), fit(changed, PARTIAL))
    assert not same(fit(data), fit(changed))


def test_with_every_pixel_seen_partial_makes_no_difference() -> None:
    data = make_data(20)
    data.coverage[:] = True
    assert same(fit(data, PARTIAL), fit(data))


def test_beta_draws_z_towards_the_prior() -> None:
    data = make_data(100)
    how = FitSettings(num_epochs=10, batch_size=32, learning_rate=5e-3)
    spreads = []
    for beta in (0.1, 100.0):
        vae = fit(data, VAESettings(latent_size=4, layer_size=32, beta=beta), how).vae
        mean, _ = vae.encode(data.states)
        spreads.append(mean.std().item())
    assert spreads[0] > 3 * spreads[1]


def test_draws_of_a_conditional_vae_differ_as_the_images_do_that_a_hidden_state_leaves_possible() -> None:
    """Hidden states tell nothing, and images are white or black: draws are so too, and not the grey mean of both."""
    white = torch.arange(300) % 3 == 0
    images = (255 * white).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 4).contiguous()
    data = Data(torch.zeros(300, 2, 12), images, torch.ones(300, 2, 8, 4, dtype=torch.bool))
    drawn = {}
    for conditional in (True, False):
        how = FitSettings(40, batch_size=64, learning_rate=5e-3, patience=40, conditional=conditional)
        drawn[conditional] = fit(data, SETTINGS, how).vae.sample(torch.zeros(1, 12), 1000).flatten(1).mean(1)
    assert ((drawn[False] - 1 / 3).abs() < 0.1).all()
    extreme = (drawn[True] < 0.1) | (drawn[True] > 0.9)
    assert extreme.double().mean() > 0.85
    assert (drawn[True] > 0.5).double().mean().item() == pytest.approx(1 / 3, abs=0.1)


def test_a_conditional_vae_is_as_good_as_another_where_hidden_states_tell_all() -> None:
    train, test = make_data(300), make_data(100, seed=1)
    how = FitSettings(80, batch_size=64, learning_rate=5e-3, patience=80, conditional=True)
    fitted = fit(train, SETTINGS, how)
    assert mean_square_error(fitted.vae, test) < 0.1 * mean_image_error(train, test)
    assert same(fitted, fit(train, SETTINGS, how))


def with_first(numbers: Tensor, data: Data) -> Data:
    """The same data with these numbers `(N, T, K)` before the hidden states."""
    return data._replace(states=torch.cat([numbers, data.states], dim=2))


def test_fitting_that_begins_with_a_vae_ends_with_nothing_worse_on_held_out_images() -> None:
    """The numbers before its hidden states are noise here, which would be learnt by heart."""
    data, test = make_data(300), make_data(100, seed=1)
    how = FitSettings(40, batch_size=64, learning_rate=5e-3)
    initial = fit(data, SETTINGS, how)
    noise, test_noise = (
        torch.randn(count, 2, 300, generator=torch.Generator().manual_seed(count)) for count in (300, 100)
    )
    wide, wide_test = with_first(noise, data), with_first(test_noise, test)
    again = fit_vae(wide.states, wide.images, SETTINGS, how, initial=initial.vae)
    assert min(again.losses) > min(initial.losses)
    assert same(again, Fit(initial.vae.widened(300), []))
    assert mean_square_error(fit(wide, SETTINGS, how).vae, wide_test) > 5 * mean_square_error(again.vae, wide_test)


def test_fitting_that_begins_with_a_vae_learns_what_more_there_is_to_know() -> None:
    train, test = make_data(300, noise=3.0), make_data(100, seed=1, noise=3.0)
    how = FitSettings(40, batch_size=64, learning_rate=5e-3, patience=40)
    initial = fit(train, SETTINGS, how).vae
    before = {name: value.clone() for name, value in initial.state_dict().items()}
    pixels = [to_unit(data.images).flatten(1)[:, None].expand(-1, 2, -1) for data in (train, test)]
    wide, wide_test = with_first(pixels[0], train), with_first(pixels[1], test)
    fitted = fit_vae(wide.states, wide.images, SETTINGS, how, initial=initial).vae
    assert mean_square_error(fitted, wide_test) < 0.5 * mean_square_error(initial, test)
    assert all(torch.equal(value, before[name]) for name, value in initial.state_dict().items())


def test_a_vae_that_does_not_fit_cannot_be_the_first() -> None:
    states, images, _ = make_data(10)
    for size, shape, settings in ((12, (1, 8, 4), PARTIAL), (12, (1, 4, 8), SETTINGS)):
        initial = HiddenStateVAE(size, shape, settings)
        with pytest.raises(ValueError, match=r"expected initial to be a VAE of VAESettings\(.*\(1, 8, 4\)"):
            fit_vae(states, images, SETTINGS, QUICK, initial=initial)
    with pytest.raises(ValueError, match="expected initial to take at most 12 numbers, as states have, got 13"):
        fit_vae(states, images, SETTINGS, QUICK, initial=HiddenStateVAE(13, (1, 8, 4), SETTINGS))


def test_a_partial_vae_cannot_be_conditional() -> None:
    with pytest.raises(ValueError, match="expected conditional=False for a partial VAE, got True"):
        fit(make_data(10), PARTIAL, FitSettings(conditional=True))
    with pytest.raises(TypeError, match="expected conditional to be True or False, got 1"):
        FitSettings(conditional=1)  # type: ignore[arg-type]


def test_two_images_are_enough_and_one_is_not() -> None:
    fitted = fit(make_data(2, glimpses=1))
    assert np.isfinite(fitted.losses).all()
    assert all(value.isfinite().all() for value in fitted.vae.state_dict().values())
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        fit(make_data(1))


@pytest.mark.parametrize("learning_rate", [10.0, 1e30])
def test_fitting_that_diverges_is_an_error_and_no_vae(learning_rate: float) -> None:
    how = FitSettings(num_epochs=2, batch_size=16, learning_rate=learning_rate)
    with pytest.raises(FitDiverged, match=r"expected fitting to lower the validation loss from .* nats .*, got .*"):
        fit(make_data(40), SETTINGS, how)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_state_that_is_not_finite_is_refused(bad: float) -> None:
    data = make_data(10)
    data.states[3, 1, 2] = bad
    with pytest.raises(ValueError, match="expected states to be finite, got 1 of 240 numbers that are not"):
        fit(data)


def test_what_does_not_fit_together_is_refused() -> None:
    states, images, coverage = make_data(10)
    with pytest.raises(
        ValueError, match=r"images of torch.uint8 and shape \(10, any, any, any\), got torch.uint8 and \(9,"
    ):
        fit_vae(states, images[:9], SETTINGS, QUICK)
    for settings, given in ((PARTIAL, None), (SETTINGS, masks_in(coverage))):
        with pytest.raises(ValueError, match=r"expected coverage if and only if settings\.partial"):
            fit_vae(states, images, settings, QUICK, given)
    with pytest.raises(ValueError, match=r"expected coverage of torch.bool and shape \(\d+, 8, 4\), got"):
        fit_vae(states, images, PARTIAL, QUICK, masks_in(coverage.mT))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_epochs": 0}, "num_epochs to be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size to be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate to be more than 0 and less than inf, got 0"),
        ({"learning_rate": float("inf")}, "learning_rate to be more than 0 and less than inf, got inf"),
        ({"learning_rate": float("nan")}, "learning_rate to be more than 0 and less than inf, got nan"),
        ({"seed": -1}, "seed to be at least 0, got -1"),
        ({"patience": 0}, "patience to be at least 1, got 0"),
        ({"validation_fraction": 0.0}, "validation_fraction to be more than 0 and less than 1, got 0"),
        ({"validation_fraction": 1.0}, "validation_fraction to be more than 0 and less than 1, got 1"),
    ],
)
def test_fit_settings_out_of_range_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        FitSettings(**arguments)
