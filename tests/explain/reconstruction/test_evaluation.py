"""What the hidden states hold, beside controls that hold all, nothing, or what was seen."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from explain import Bootstrap, FitSettings, HiddenStateVAE, Recording, VAESettings
from explain.metrics import mean_image_error, reconstruction_error
from explain.reconstruction import evaluation as imagination_module
from explain.reconstruction.evaluation import ReconstructionEvaluation, evaluate_reconstruction
from explain.reconstruction.vae import to_unit
from glimpse_env.retina import Retina

SETTINGS = VAESettings(latent_size=4, layer_size=64, beta=0.2)
QUICK = FitSettings(num_epochs=2, batch_size=16)
PATIENT = FitSettings(num_epochs=15, batch_size=64, learning_rate=1e-2, patience=15)
ERRORS = [field.name for field in fields(ReconstructionEvaluation) if field.name != "vae"]


def make_recording(count: int, seed: int = 0, clutter: bool = False) -> Recording:
    """Images of four stripes that are white or black; the hidden state holds the first, then two, then three of them.

    The agent looks at the left half of the first stripe, then of the second, then of the third.
    """
    rng = np.random.default_rng(seed)
    stripes = rng.integers(0, 2, (count, 4))
    images = np.repeat(stripes, 8, axis=1).reshape(count, 1, 8, 4).astype(np.uint8) * 255
    known = np.tril(np.ones((3, 4)))[None] * (2 * stripes[:, None] - 1)
    rows = (np.arange(3) * 2 + 1) / 4 - 1
    locations = np.broadcast_to(np.stack([np.full(3, -0.5), rows], axis=1), (count, 3, 2))
    return Recording(
        hidden=torch.as_tensor(known.astype(np.float32)),
        beliefs=torch.as_tensor(np.full((count, 3, 4), 0.25, np.float32)),
        locations=torch.as_tensor(locations.astype(np.float32)),
        labels=torch.as_tensor(stripes[:, 0] + 2 * stripes[:, 1]),
        indices=torch.as_tensor(np.arange(count)),
        canvases=torch.as_tensor(255 - images if clutter else images),
        originals=torch.as_tensor(images),
        retina=Retina(2, 1),
    )


def imagine(train: Recording, test: Recording, how: FitSettings = QUICK, **changes: Any) -> ReconstructionEvaluation:
    return evaluate_reconstruction(train, test, Bootstrap(len(test)), replace(SETTINGS, **changes), how)


@pytest.fixture(scope="module")
def learnt() -> ReconstructionEvaluation:
    return imagine(make_recording(300), make_recording(100, seed=1), PATIENT)


def test_errors_are_where_the_stripes_that_are_known_have_them(learnt: ReconstructionEvaluation) -> None:
    """A stripe that is not known is imagined grey, with an error of 0.25; one that is known has nearly none."""
    not_known = [0.25 * 3 / 4, 0.25 * 2 / 4, 0.25 * 1 / 4]
    assert learnt.error.value.tolist() == pytest.approx(not_known, abs=0.03)
    assert learnt.oracle_memory.value.tolist() == pytest.approx(not_known, abs=0.03)
    assert learnt.mean_image.value.item() == pytest.approx(0.25, abs=0.01)
    assert learnt.mean_of_class.value.item() == pytest.approx(0.125, abs=0.01)
    assert (learnt.shuffled.value > 0.98 * learnt.mean_image.value).all()


def test_who_is_given_the_original_imagines_all_of_it(learnt: ReconstructionEvaluation) -> None:
    assert learnt.full_image_oracle.value.item() < 0.02
    assert learnt.full_image_oracle.value.item() < learnt.error.value[-1].item() < learnt.mean_image.value.item()


def test_errors_are_of_the_test_images_with_intervals(learnt: ReconstructionEvaluation) -> None:
    train, test = make_recording(300), make_recording(100, seed=1)
    own = reconstruction_error(learnt.vae, test).mean(0).double()
    torch.testing.assert_close(learnt.error.value, own, rtol=1e-5, atol=0)
    for name, by_class in (("mean_image", False), ("mean_of_class", True)):
        expected = Bootstrap(100).mean(mean_image_error(train, test, by_class=by_class))
        assert getattr(learnt, name) == expected
    for name in ERRORS:
        estimate = getattr(learnt, name)
        assert estimate.value.shape == ((3,) if name in ("error", "shuffled", "oracle_memory") else ())
        assert (estimate.low <= estimate.value).all()
        assert (estimate.value <= estimate.high).all()


def fitted_on(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Recording, FitSettings]]:
    """Notes what every VAE is fitted on, and how."""
    noted = []
    fit_vae = imagination_module.fit_vae

    def fit(recording: Recording, settings: VAESettings, how: FitSettings, **options: Any) -> Any:
        assert settings == SETTINGS
        noted.append((recording, how))
        return fit_vae(recording, settings, how, **options)

    monkeypatch.setattr(imagination_module, "fit_vae", fit)
    return noted


def test_every_vae_is_fitted_for_as_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original is seen at one glimpse of three, so three times as often."""
    noted = fitted_on(monkeypatch)
    imagine(make_recording(60), make_recording(20, seed=1), replace(QUICK, patience=5))
    assert [recording.hidden.shape for recording, _ in noted] == [(60, 3, 4), (60, 3, 4), (60, 3, 64), (60, 1, 32)]
    assert [how.num_epochs for _, how in noted] == [2, 2, 2, 6]
    assert [how.patience for _, how in noted] == [5, 5, 5, 15]
    assert all(replace(how, num_epochs=2, patience=5) == replace(QUICK, patience=5) for _, how in noted)


def test_a_perfect_memory_that_would_be_too_large_is_of_fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """These are then used as much more often."""
    bytes_an_image = 3 * 64 * 4
    monkeypatch.setattr(imagination_module, "MAX_BYTES", 20 * bytes_an_image + 5)
    noted = fitted_on(monkeypatch)
    imagine(make_recording(60), make_recording(20, seed=1))
    sizes = [len(recording) for recording, _ in noted]
    assert sizes == [60, 60, 20, 60]
    assert [how.num_epochs for _, how in noted] == [2, 2, 6, 6]


@pytest.mark.parametrize("batch", [7, 20, 1000])
def test_the_images_are_measured_in_batches_that_make_no_difference(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    train, test = make_recording(60), make_recording(20, seed=1)
    whole = imagine(train, test)
    monkeypatch.setattr(imagination_module, "BATCH", batch)
    in_batches = imagine(train, test)
    for name in ERRORS:
        if name != "shuffled":  # within each batch
            torch.testing.assert_close(getattr(in_batches, name).value, getattr(whole, name).value, rtol=1e-5, atol=0)


def test_the_original_is_imagined_from_a_canvas_that_differs() -> None:
    """The canvas is the negative; what is imagined, and what it is compared with, is the original."""
    train, test = (make_recording(count, seed, clutter=True) for count, seed in ((300, 0), (100, 1)))
    imagined = imagine(train, test, PATIENT)
    assert imagined.oracle_memory.value[-1] < 0.1
    last = imagined.vae.reconstruct(test.hidden[:, -1])
    error = (last - to_unit(test.originals)).square().mean()
    assert error.item() == pytest.approx(imagined.error.value[-1].item(), rel=1e-4)
    assert error < 0.1


def test_the_same_seed_gives_the_same_numbers() -> None:
    train, test = make_recording(40), make_recording(20, seed=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again = (imagine(train, test) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert one.to_json() == again.to_json()
    other = imagine(train, test, replace(QUICK, seed=1))
    assert one.to_json() != other.to_json()


def test_the_settings_are_those_of_every_vae() -> None:
    train, test = make_recording(40), make_recording(20, seed=1)
    imagined = imagine(train, test, latent_size=3)
    assert isinstance(imagined.vae, HiddenStateVAE)
    assert imagined.vae.settings == replace(SETTINGS, latent_size=3)
    assert not imagined.vae.training


@pytest.mark.parametrize("changes", [{"target": "canvas"}, {"partial": True}])
def test_another_target_than_all_of_the_original_is_refused(changes: dict[str, Any]) -> None:
    recording = make_recording(10)
    with pytest.raises(
        ValueError, match=r'expected settings with target="original" and partial=False, got .*' + "|".join(changes)
    ):
        imagine(recording, recording, **changes)


def test_the_errors_can_be_written_as_json(learnt: ReconstructionEvaluation) -> None:
    written = json.loads(json.dumps(learnt.to_json()))
    assert list(written) == ERRORS
    for name in ERRORS:
        for part in ("value", "low", "high"):
            assert written[name][part] == getattr(getattr(learnt, name), part).tolist()
