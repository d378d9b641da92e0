"""The VAE's shapes and ranges, its bound against an integral, and which pixels it is taught."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from explain import HiddenStateVAE, Recording, VAESettings
from explain.reconstruction.elbo import reconstruction_loss
from explain.reconstruction.vae import VAES, InvalidVAEError, targets_of, to_unit
from glimpse_env.retina import Retina
from tests.archives import rewrite, unpack

SHAPES = pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 5, 9)])
TINY = VAESettings(latent_size=3, layer_size=16)


def make_vae(shape: tuple[int, int, int] = (1, 6, 6), settings: VAESettings = TINY, seed: int = 0) -> HiddenStateVAE:
    return HiddenStateVAE(7, shape, settings, seed)


def make_standardised(hidden: torch.Tensor) -> HiddenStateVAE:
    vae = make_vae()
    vae.standardise(hidden)
    return vae


def states(*leading: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*leading, 7, generator=torch.Generator().manual_seed(seed))


def make_recording(
    canvas: tuple[int, int] = (10, 12), original: tuple[int, int] = (10, 12), seed: int = 0
) -> Recording:
    rng = np.random.default_rng(seed)
    count, glimpses = 4, 3
    originals = rng.integers(0, 256, (count, 1, *original), dtype=np.uint8)
    canvases = originals.copy() if canvas == original else rng.integers(0, 256, (count, 1, *canvas), dtype=np.uint8)
    return Recording(
        hidden=torch.from_numpy(rng.normal(size=(count, glimpses, 7)).astype(np.float32)),
        beliefs=torch.full((count, glimpses, 10), 0.1),
        locations=torch.from_numpy(rng.uniform(-1, 1, (count, glimpses, 2)).astype(np.float32)),
        labels=torch.arange(count),
        indices=torch.arange(count),
        canvases=torch.from_numpy(canvases),
        originals=torch.from_numpy(originals),
        retina=Retina(4, 1),
    )


@SHAPES
@pytest.mark.parametrize("leading", [(5,), (5, 2)])
def test_shapes_and_ranges(shape: tuple[int, int, int], leading: tuple[int, ...]) -> None:
    vae, hidden = make_vae(shape), 10 * states(*leading)
    mean, log_variance = vae.encode(hidden)
    assert mean.shape == log_variance.shape == (*leading, 3)
    assert vae.decode(mean).shape == (*leading, *shape)
    for images, expected in [(vae.reconstruct(hidden), leading), (vae.sample(hidden, 4), (4, *leading))]:
        assert images.shape == (*expected, *shape)
        assert ((images > 0) & (images < 1)).all()
        assert not images.requires_grad


def test_sampling_is_reproducible_by_its_generator() -> None:
    vae, hidden = make_vae(), states(5)
    one, again, other = (vae.sample(hidden, 4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one[0], one[1])


def test_samples_are_spread_as_the_encoder_says() -> None:
    """Where q is narrow all samples are the reconstruction; their z has q's mean and standard deviation."""
    vae, hidden = make_vae(), states(1)
    latents: list[torch.Tensor] = []
    vae.decoder.register_forward_pre_hook(lambda _, arguments: latents.append(arguments[0]))
    vae.sample(hidden, 20000, torch.Generator().manual_seed(0))
    mean, log_variance = vae.encode(hidden)
    std = (0.5 * log_variance).exp()
    torch.testing.assert_close(latents[0].mean(0), mean, rtol=0, atol=4 * std.max().item() / math.sqrt(20000))
    torch.testing.assert_close(latents[0].std(0), std, rtol=0.03, atol=0)
    last = vae.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.constant_(last.bias[3:], -60)
    reconstructed = vae.reconstruct(hidden)
    torch.testing.assert_close(vae.sample(hidden, 4), reconstructed.expand(4, *reconstructed.shape))


def test_standardised_states_are_alike_whatever_their_scale() -> None:
    hidden = states(500)
    scaled = hidden * torch.linspace(0.1, 100, 7) + torch.arange(7.0)
    plain, other = make_vae(), make_vae()
    plain.standardise(hidden)
    other.standardise(scaled)
    torch.testing.assert_close(plain.reconstruct(hidden), other.reconstruct(scaled), rtol=1e-4, atol=1e-5)


def test_states_that_never_vary_do_no_harm() -> None:
    """A unit that was silent whenever the VAE learnt, and then is not, must not drown all others."""
    vae = make_vae()
    for hidden in (states(1), states(1).expand(20, -1)):
        vae.standardise(hidden)
        assert vae.reconstruct(hidden).isfinite().all()
        mean, log_variance = vae.encode(hidden + 1)
        assert mean.abs().max() < 5
        assert log_variance.abs().max() < 5


def test_the_loss_is_a_bound_on_the_evidence_and_short_of_it_by_the_divergence_from_the_true_posterior() -> None:
    """With one latent number, both expectations can be done numerically."""
    vae, hidden = make_vae((1, 2, 3), VAESettings(latent_size=1, layer_size=8), seed=1).double(), states(1).double()
    target = (torch.rand(1, 1, 2, 3, generator=torch.Generator().manual_seed(2)) > 0.5).double()
    grid = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    step = (grid[1] - grid[0]).item()
    many = len(grid)
    parts = vae.loss(hidden.expand(many, -1), target.expand(many, -1, -1, -1), None, grid[:, None])
    bound = -(Normal(0.0, 1.0).log_prob(grid).exp() @ (parts[0] + parts[1])).item() * step

    logits = vae.decode(grid[:, None])
    joint = Normal(0.0, 1.0).log_prob(grid) - reconstruction_loss(logits, target.expand_as(logits))
    evidence = (joint.logsumexp(0) + math.log(step)).item()
    mean, log_variance = vae.encode(hidden[0])
    q = Normal(mean, (0.5 * log_variance).exp()).log_prob(grid)
    gap = (q.exp() * (q - joint + evidence)).sum().item() * step
    assert bound < evidence
    assert evidence - bound == pytest.approx(gap, abs=1e-5)


def test_the_bound_of_a_conditional_vae_is_tight_where_recognition_knows_the_posterior() -> None:
    """With one latent number, and a likelihood of z that is nearly Gaussian: far out there is nothing to be seen."""
    vae, hidden = make_vae((1, 2, 3), VAESettings(latent_size=1, layer_size=8), seed=1).double(), states(1).double()
    target = (torch.rand(1, 1, 2, 3, generator=torch.Generator().manual_seed(2)) > 0.5).double()
    grid = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    step = (grid[1] - grid[0]).item()
    prior_mean, prior_log_variance = (part.squeeze() for part in vae.encode(hidden))
    prior = Normal(prior_mean, (0.5 * prior_log_variance).exp())
    joint = prior.log_prob(grid) - reconstruction_loss(vae.decode(grid[:, None]), target.expand(len(grid), -1, -1, -1))
    evidence = (joint.logsumexp(0) + math.log(step)).item()
    posterior = (joint - joint.logsumexp(0)).exp()
    mean = (posterior * grid).sum()
    std = (posterior * (grid - mean).square()).sum().sqrt()

    def bound(q: Normal) -> float:
        def recognition(standardised: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            assert torch.equal(
                standardised, ((hidden - vae.hidden_mean) / vae.hidden_std).expand(len(standardised), -1)
            )
            assert torch.equal(images, target.expand_as(images))
            return q.mean.expand(len(images), 1), q.variance.log().expand(len(images), 1)

        noise = torch.linspace(-8, 8, 4001, dtype=torch.float64)
        many = len(noise)
        parts = vae.loss(hidden.expand(many, -1), target.expand(many, -1, -1, -1), None, noise[:, None], recognition)
        torch.testing.assert_close(parts[1][0], kl_divergence(q, prior))
        return -(Normal(0.0, 1.0).log_prob(noise).exp() @ (parts[0] + parts[1])).item() * 0.004

    assert bound(prior) < bound(Normal(mean, std)) < evidence
    assert bound(Normal(mean, std)) == pytest.approx(evidence, abs=1e-3)


def test_a_widened_vae_reconstructs_the_same_whatever_the_new_inputs_are() -> None:
    vae, hidden = make_vae(), states(20)
    vae.standardise(3 * states(50) + 1)
    wide = vae.widened(4)
    assert wide.hidden_size == 11
    for extra in (torch.zeros(20, 4), 100 * torch.randn(20, 4, generator=torch.Generator().manual_seed(1))):
        torch.testing.assert_close(wide.reconstruct(torch.cat([extra, hidden], dim=1)), vae.reconstruct(hidden))
    assert all(torch.equal(weight, vae.state_dict()[name]) for name, weight in vae.widened(0).state_dict().items())
    first = wide.encoder[0]
    assert isinstance(first, torch.nn.Linear)
    torch.nn.init.zeros_(first.weight)
    assert not torch.allclose(wide.reconstruct(torch.zeros(1, 11)), vae.reconstruct(hidden))
    torch.testing.assert_close(vae.reconstruct(hidden), make_standardised(3 * states(50) + 1).reconstruct(hidden))


def test_unseen_pixels_teach_the_vae_nothing() -> None:
    recording = make_recording()
    vae = make_vae((1, 10, 12))
    images, seen = targets_of(recording, VAESettings(target="canvas", partial=True))
    assert seen is not None
    first = torch.zeros(len(images), dtype=torch.int64)
    counted, target = seen(torch.arange(len(images)), first)[:, None], to_unit(images).requires_grad_()
    logits: list[torch.Tensor] = []

    def keep(_: Any, __: Any, output: torch.Tensor) -> None:
        output.retain_grad()
        logits.append(output)

    vae.decoder.register_forward_hook(keep)
    loss, _ = vae.loss(recording.hidden[:, 0], target, counted, torch.zeros(4, 3))
    loss.sum().backward()
    for gradient in (logits[0].grad, target.grad):
        assert gradient is not None
        assert (gradient[~counted] == 0).all()
        assert (gradient[counted] != 0).all()

    never = ~counted.any(0).flatten()
    assert never.any()
    last = vae.decoder[-2]
    assert isinstance(last, torch.nn.Linear)
    weights = last.weight.grad
    assert weights is not None
    assert (weights[never] == 0).all()
    assert (weights[~never] != 0).any()


def test_targets_are_originals_or_canvases() -> None:
    recording = make_recording(canvas=(20, 20))
    for target, expected in [("original", recording.originals), ("canvas", recording.canvases)]:
        images, seen = targets_of(recording, VAESettings(target=target))
        np.testing.assert_array_equal(images.numpy(), expected)
        assert seen is None


@pytest.mark.parametrize("target", ["original", "canvas"])
def test_partial_targets_count_what_was_seen(target: str) -> None:
    recording = make_recording()
    images, seen = targets_of(recording, VAESettings(target=target, partial=True))
    assert seen is not None
    np.testing.assert_array_equal(images.numpy(), recording.canvases)
    everywhere = recording.retina.coverage(recording.locations, (10, 12))
    count, glimpses = everywhere.shape[:2]
    images, numbers = torch.cartesian_prod(torch.arange(count), torch.arange(glimpses)).unbind(1)
    assert torch.equal(seen(images, numbers).view_as(everywhere), everywhere)


def test_partial_needs_the_canvas_where_it_is_not_the_original() -> None:
    larger, cluttered = make_recording(canvas=(20, 20)), make_recording()
    cluttered.canvases[0, 0, 0, 0] ^= 255
    for recording in (larger, cluttered):
        with pytest.raises(ValueError, match='needs target="canvas"'):
            targets_of(recording, VAESettings(partial=True))
        _, seen = targets_of(recording, VAESettings(target="canvas", partial=True))
        assert seen is not None


def test_to_unit_maps_white_to_one() -> None:
    assert to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"target": "canvass"}, "canvas"),
        ({"target": ""}, "original"),
        ({"latent_size": 0}, "latent_size to be at least 1, got 0"),
        ({"layer_size": -2}, "layer_size to be at least 1, got -2"),
        ({"beta": -0.1}, "beta to be at least 0 and finite, got -0.1"),
        ({"beta": math.nan}, "beta"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        VAESettings(**arguments)


def test_a_vae_survives_its_file(tmp_path: Path) -> None:
    settings = VAESettings(target="canvas", beta=0.5, latent_size=3, layer_size=7)
    vae = HiddenStateVAE(5, (3, 8, 9), settings)
    vae.standardise(torch.randn(20, 5, generator=torch.Generator().manual_seed(1)))
    vae.save(tmp_path / "vae.zip")
    loaded = HiddenStateVAE.load(tmp_path / "vae.zip")
    hidden = torch.randn(4, 5, generator=torch.Generator().manual_seed(2))
    assert torch.equal(loaded.reconstruct(hidden), vae.reconstruct(hidden))
    assert loaded.settings == settings


def test_half_the_precision_takes_half_the_space_and_little_of_the_images(tmp_path: Path) -> None:
    vae = HiddenStateVAE(50, (1, 8, 8), VAESettings(layer_size=200), seed=0)
    hidden = 3 * torch.randn(20, 50, generator=torch.Generator().manual_seed(0))
    vae.standardise(hidden)
    expected = vae.reconstruct(hidden)
    vae.save(tmp_path / "whole.zip")
    vae.half().save(tmp_path / "half.zip")
    assert (tmp_path / "half.zip").stat().st_size < 0.55 * (tmp_path / "whole.zip").stat().st_size
    loaded = HiddenStateVAE.load(tmp_path / "half.zip")
    assert all(weight.dtype == torch.float32 for weight in loaded.state_dict().values())
    torch.testing.assert_close(loaded.reconstruct(hidden), expected, rtol=0, atol=5e-3)


@pytest.mark.parametrize(
    "name", ["target", "partial", "beta", "latent_size", "layer_size", "hidden_size", "image_shape"]
)
def test_every_value_of_a_saved_vae_is_checked(tmp_path: Path, name: str) -> None:
    path = tmp_path / "vae.zip"
    HiddenStateVAE(5, (1, 8, 8), VAESettings(latent_size=3, layer_size=7)).save(path)
    description, tensors = unpack(path)
    awkward: list[Any] = [None, 0, -1, 2**21, 10**300, 0.5, math.nan, math.inf, "", "x", [], [0, 8, 8], [1, 8], {}]
    for value in awkward:
        if (name, value) in (("beta", 0), ("beta", 0.5), ("beta", 2**21), ("beta", 10**300)):
            continue
        rewrite(path, description | {name: value}, tensors)
        with pytest.raises(InvalidVAEError, match=r"expected|Unknown") as caught:
            HiddenStateVAE.load(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "double", "shape", "missing", "negative std"])
def test_every_tensor_of_a_saved_vae_is_checked(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "vae.zip"
    HiddenStateVAE(5, (1, 8, 8), VAESettings(latent_size=3, layer_size=7)).save(path)
    description, tensors = unpack(path)
    for name, good in tensors["weights"].items():
        weights = dict(tensors["weights"])
        if value == "double":
            weights[name] = good.double()
        elif value == "shape":
            weights[name] = good[:-1]
        elif value == "missing":
            del weights[name]
        elif value == "negative std":
            weights["hidden_std"] = -weights["hidden_std"]
        else:
            weights[name] = torch.full_like(good, value)
        rewrite(path, description, {"weights": weights})
        with pytest.raises(InvalidVAEError, match=r"expected|it lacks"):
            HiddenStateVAE.load(path)


def test_a_damaged_vae_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vae.zip"
    HiddenStateVAE(5, (1, 8, 8), VAESettings(latent_size=3, layer_size=7)).save(path)
    description, tensors = unpack(path)
    VAES.write(path, description | {"latent_size": 4}, tensors)
    with pytest.raises(InvalidVAEError, match="cannot be loaded as a VAE"):
        HiddenStateVAE.load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidVAEError, match="truncated"):
        HiddenStateVAE.load(path)
