"""The reconstruction of an agent beside baselines that hold all, nothing, or what was seen."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from explain import Bootstrap, FitSettings, HiddenStateVAE, Recording, VAESettings, fit_vae
from explain.knowledge.intervals import Estimate
from explain.measurement import Measurement
from explain.reconstruction import evaluation as evaluation_module
from explain.reconstruction.baselines import OracleMemory, oracle_memory
from explain.reconstruction.errors import mean_image_error, reconstruction_error
from explain.reconstruction.evaluation import ReconstructionEvaluation, evaluate_reconstruction, failed_ceilings
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
        hidden=torch.from_numpy(known.astype(np.float32)),
        beliefs=torch.full((count, 3, 4), 0.25),
        locations=torch.from_numpy(locations.astype(np.float32)),
        labels=torch.as_tensor(stripes[:, 0] + 2 * stripes[:, 1]),
        indices=torch.arange(count),
        canvases=torch.as_tensor(255 - images if clutter else images),
        originals=torch.from_numpy(images),
        retina=Retina(2, 1),
    )


def evaluate(train: Recording, test: Recording, how: FitSettings = QUICK, **changes: Any) -> ReconstructionEvaluation:
    settings = replace(SETTINGS, **changes)
    vae = fit_vae(train.hidden, train.originals, settings, how).vae
    measurement = Measurement(train, test, vae, reconstruction_error(vae, test.hidden, test.originals))
    return evaluate_reconstruction(measurement, Bootstrap(len(test)), how)


@pytest.fixture(scope="module")
def learnt() -> ReconstructionEvaluation:
    return evaluate(make_recording(300), make_recording(100, seed=1), PATIENT)


def test_errors_are_where_the_stripes_that_are_known_have_them(learnt: ReconstructionEvaluation) -> None:
    """A stripe that is not known is imagined grey, with an error of 0.25; one that is known has nearly none."""
    not_known = [0.25 * 3 / 4, 0.25 * 2 / 4, 0.25 * 1 / 4]
    assert learnt.error.value.tolist() == pytest.approx(not_known, abs=0.03)
    assert learnt.oracle_memory.value.tolist() == pytest.approx(not_known, abs=0.03)
    assert learnt.mean_image.value.item() == pytest.approx(0.25, abs=0.01)
    assert learnt.mean_of_class.value.item() == pytest.approx(0.125, abs=0.01)
    assert (learnt.shuffled.value > 0.98 * learnt.mean_image.value).all()


def test_the_full_image_oracle_reconstructs_all_of_the_original(learnt: ReconstructionEvaluation) -> None:
    assert learnt.full_image_oracle.value.item() < 0.02
    assert learnt.full_image_oracle.value.item() < learnt.error.value[-1].item() < learnt.mean_image.value.item()


def test_errors_are_of_the_test_images_with_intervals(learnt: ReconstructionEvaluation) -> None:
    train, test = make_recording(300), make_recording(100, seed=1)
    own = reconstruction_error(learnt.vae, test.hidden, test.originals).mean(0).double()
    torch.testing.assert_close(learnt.error.value, own, rtol=1e-5, atol=0)
    for name, by_class in (("mean_image", False), ("mean_of_class", True)):
        expected = Bootstrap(100).mean(mean_image_error(train, test, by_class=by_class))
        assert getattr(learnt, name) == expected
    for name in ERRORS:
        estimate = getattr(learnt, name)
        assert estimate.value.shape == ((3,) if name in ("error", "shuffled", "oracle_memory") else ())
        assert (estimate.low <= estimate.value).all()
        assert (estimate.value <= estimate.high).all()


def fitted_on(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, ...], FitSettings]]:
    """Notes the shape of the states that every baseline is fitted on, and how."""
    noted = []

    def fit(
        states: torch.Tensor | OracleMemory,
        images: torch.Tensor,
        settings: VAESettings,
        how: FitSettings,
        **options: Any,
    ) -> Any:
        assert settings == SETTINGS
        noted.append((tuple(states.shape), how))
        return fit_vae(states, images, settings, how, **options)

    monkeypatch.setattr(evaluation_module, "fit_vae", fit)
    return noted


def test_every_vae_is_fitted_for_as_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one state of the full-image oracle for three of the agent, so it gets three times as many epochs."""
    noted = fitted_on(monkeypatch)
    evaluate(make_recording(60), make_recording(20, seed=1), replace(QUICK, patience=5))
    assert [shape for shape, _ in noted] == [(60, 3, 4), (60, 3, 68), (60, 1, 32)]
    assert [how.num_epochs for _, how in noted] == [2, 2, 6]
    assert [how.patience for _, how in noted] == [5, 5, 15]
    assert all(replace(how, num_epochs=2, patience=5) == replace(QUICK, patience=5) for _, how in noted)


def test_the_oracle_memory_is_a_ceiling_also_of_few_images_with_many_pixels() -> None:
    """Canvases are noise: a memory of them that was fitted from scratch would learn them by heart, and fail."""

    def noisy(count: int, seed: int) -> Recording:
        recording = make_recording(count, seed)
        noise = np.random.default_rng(seed).integers(0, 256, (count, 1, 16, 16), dtype=np.uint8)
        return replace(recording, canvases=torch.from_numpy(noise), retina=Retina(16, 1))

    train, test = noisy(40, 0), noisy(200, 1)
    how = replace(PATIENT, batch_size=16)
    evaluation = evaluate(train, test, how)
    assert not [failure for failure in failed_ceilings(evaluation) if "oracle memory has" in failure]
    scratch = fit_vae(OracleMemory(train), train.originals, SETTINGS, how).vae
    error = Bootstrap(len(test)).mean(reconstruction_error(scratch, oracle_memory(test), test.originals))
    assert failed_ceilings(replace(evaluation, oracle_memory=error))


@pytest.fixture
def failed(learnt: ReconstructionEvaluation) -> ReconstructionEvaluation:
    """The oracle memory has the error of half an image more than the hidden states after the second glimpse."""
    error = learnt.error
    higher = torch.tensor([0.0, 0.5, 0.0])
    memory = Estimate(error.value + higher, error.low + higher, error.high + higher)
    return replace(learnt, oracle_memory=memory)


def test_a_ceiling_that_is_lower_than_what_it_bounds_is_named_with_both_errors(
    learnt: ReconstructionEvaluation, failed: ReconstructionEvaluation
) -> None:
    assert failed_ceilings(learnt) == []
    bounded = learnt.error.value[1].item()
    (failure,) = failed_ceilings(failed)
    assert failure == (
        "the oracle memory has a larger error than the hidden states after glimpse 2 "
        f"({bounded + 0.5:.4f}, not {bounded:.4f})"
    )


def test_the_full_image_oracle_is_to_bound_the_oracle_memory(learnt: ReconstructionEvaluation) -> None:
    worse = replace(learnt, full_image_oracle=Estimate(*(torch.tensor(0.15),) * 3))
    (failure,) = failed_ceilings(worse)
    assert failure.startswith("the full-image oracle has a larger error than the oracle memory after glimpse ")
    assert "3 (0.1500, not " in failure
    assert "1 (" not in failure


def test_a_ceiling_that_fails_is_in_the_json(
    learnt: ReconstructionEvaluation, failed: ReconstructionEvaluation
) -> None:
    assert learnt.to_json()["failed_ceilings"] == []
    assert failed.to_json()["failed_ceilings"] == failed_ceilings(failed)


@pytest.mark.parametrize("batch", [7, 20, 1000])
def test_the_images_are_measured_in_batches_that_make_no_difference(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    train, test = make_recording(60), make_recording(20, seed=1)
    whole = evaluate(train, test)
    monkeypatch.setattr(evaluation_module, "BATCH", batch)
    in_batches = evaluate(train, test)
    for name in ERRORS:
        if name != "shuffled":  # within each batch
            torch.testing.assert_close(getattr(in_batches, name).value, getattr(whole, name).value, rtol=1e-5, atol=0)


def test_the_original_is_reconstructed_from_a_canvas_that_differs() -> None:
    """The canvas is the negative; what is reconstructed, and what it is compared with, is the original."""
    train, test = (make_recording(count, seed, clutter=True) for count, seed in ((300, 0), (100, 1)))
    evaluation = evaluate(train, test, PATIENT)
    assert evaluation.oracle_memory.value[-1] < 0.1
    last = evaluation.vae.reconstruct(test.hidden[:, -1])
    error = (last - to_unit(test.originals)).square().mean()
    assert error.item() == pytest.approx(evaluation.error.value[-1].item(), rel=1e-4)
    assert error < 0.1


def test_the_same_seed_gives_the_same_numbers() -> None:
    train, test = make_recording(40), make_recording(20, seed=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again = (evaluate(train, test) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert one.to_json() == again.to_json()
    other = evaluate(train, test, replace(QUICK, seed=1))
    assert one.to_json() != other.to_json()


def test_the_settings_are_those_of_every_vae() -> None:
    train, test = make_recording(40), make_recording(20, seed=1)
    evaluation = evaluate(train, test, latent_size=3)
    assert isinstance(evaluation.vae, HiddenStateVAE)
    assert evaluation.vae.settings == replace(SETTINGS, latent_size=3)
    assert not evaluation.vae.training


@pytest.mark.parametrize("changes", [{"target": "canvas"}, {"target": "canvas", "partial": True}])
def test_another_target_than_all_of_the_original_is_refused(changes: dict[str, Any]) -> None:
    recording = make_recording(10)
    vae = HiddenStateVAE(4, (1, 8, 4), replace(SETTINGS, **changes))
    measurement = Measurement(recording, recording, vae, torch.zeros(10, 3))
    with pytest.raises(ValueError, match=r'expected settings with target="original" and partial=False'):
        evaluate_reconstruction(measurement, Bootstrap(10), QUICK)


def test_the_errors_can_be_written_as_json(learnt: ReconstructionEvaluation) -> None:
    written = json.loads(json.dumps(learnt.to_json()))
    assert list(written) == [*ERRORS, "failed_ceilings"]
    for name in ERRORS:
        for part in ("value", "low", "high"):
            assert written[name][part] == getattr(getattr(learnt, name), part).tolist()
