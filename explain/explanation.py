"""The whole explanation of an agent, computed from what it did on a training and a test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from explain.eig.policy import EIGPolicy
from explain.eig.validation import EIGValidation, validate_eig
from explain.evidence.probe_selectivity import probe_selectivity
from explain.evidence.suite import Evidence, collect_evidence
from explain.knowledge.curves import InformationCurves, information_curves
from explain.knowledge.intervals import Bootstrap
from explain.knowledge.probe import linear_probe
from explain.measurement import measure
from explain.reconstruction.evaluation import ReconstructionEvaluation, evaluate_reconstruction
from explain.reconstruction.fitting import FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE, VAESettings, targets_of
from explain.recording import Recording, record
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.config import check_integer
from glimpse_env.dataset_rollout import Agent, world_of
from glimpse_env.retina import grid_locations
from glimpse_env.utils.layers import new_generator
from glimpse_env.utils.threads import torch_threads
from glimpse_env.world import World

NUM_PROBE = 10_000
"""Training images that linear probes are fitted on, at most."""
NUM_SELECTIVITY = 2_000
"""Training images whose true and random labels linear probes learn, at most."""
NUM_IMAGINING = 20_000
"""Training images that the conditional VAE is fitted on, at most."""
LEARNED_POLICY, EIG_POLICY = "learned policy", "EIG policy"
"""Names of the location policy that the agent learned, and of the one that follows the expected information gain."""


@dataclass(frozen=True)
class ExplanationSettings:
    """How much is computed.

    Raises:
        TypeError: A setting is not an integer.
        ValueError: The seed is negative, or another setting is less than 1.
    """

    num_train: int = 60_000
    """Images of the training split that VAEs are fitted on; all, if there are fewer."""
    num_test: int = 10_000
    """Images of the test split that the agent is measured on; all, if there are fewer."""
    num_epochs: int = 8
    """Epochs that each VAE is fitted for."""
    num_eig: int = 200
    """Test images for which maps of expected information gain (EIG) are computed."""
    grid: int = 13
    """Columns and rows of locations in a map."""
    num_samples: int = 16
    """Canvases imagined for each hidden state."""
    policy_images: int = 500
    """Test images on which location policies are compared."""
    policy_grid: int = 9
    """Columns and rows of locations that the EIG policy chooses from."""
    policy_samples: int = 8
    """Canvases that the EIG policy imagines for each hidden state."""
    seed: int = 0
    """Determines first locations, VAEs, what is imagined, and bootstrap intervals."""
    num_threads: int = 1
    """Threads on the CPU; more change the last digits."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_integer(name, value, 0 if name == "seed" else 1)


@dataclass(frozen=True, eq=False)
class Explanation:
    """What an agent knew after each glimpse, and what each glimpse was worth. All of it is on the CPU.

    Attributes:
        recording: The agent on the test split, `N` images and `T` glimpses.
        class_names: One name per class.
        curves: What it knew after each glimpse.
        reconstruction: A VAE that reconstructs the original, and how large its error is.
        canvas_vae: Reconstructs the canvas; the VAE of originals where the canvases are the originals.
        imagining_vae: A conditional VAE of the canvas. Maps of expected information gain, and the policy that follows
            it, are computed on its draws: canvases that the hidden state leaves possible.
        partial_vae: Reconstructs the canvas too, but was fitted only on the pixels seen so far.
        probe: Accuracy of a linear probe of the hidden state after each glimpse, `(T,)`.
        eig_recording: The images that have maps of expected information gain, the first of `recording`.
        eig_validation: These maps, and what looking really gained.
        evidence: How the maps and what is imagined stood their tests, on the same images.
        location_policies: What the same core and classifier knew on the same images, by the name of the policy that
            chose the locations.
        settings: How much was computed; its numbers of images are those that there were.
    """

    recording: Recording
    class_names: tuple[str, ...]
    curves: InformationCurves
    reconstruction: ReconstructionEvaluation
    canvas_vae: HiddenStateVAE
    imagining_vae: HiddenStateVAE
    partial_vae: HiddenStateVAE
    probe: Tensor
    eig_recording: Recording
    eig_validation: EIGValidation
    evidence: Evidence
    location_policies: Mapping[str, InformationCurves]
    settings: ExplanationSettings

    def to_json(self) -> dict[str, Any]:
        """All summary numbers, without those of each image."""
        return {
            "num_images": len(self.recording),
            "information": self.curves.to_json(),
            "reconstruction": self.reconstruction.to_json(),
            "linear_probe": self.probe.tolist(),
            "expected_information_gain": {"num_images": len(self.eig_recording)} | self.eig_validation.to_json(),
            "evidence": self.evidence.to_json(),
            "evidence_curves": self.evidence.curves_to_json(),
            "location_policies": {name: curves.to_json() for name, curves in self.location_policies.items()},
        }


def explain(
    agent: Agent,
    train_env: VectorEnv[Any, Any, Any],
    test_env: VectorEnv[Any, Any, Any],
    location_policies: Mapping[str, Agent] | None = None,
    settings: ExplanationSettings | None = None,
    *,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> Explanation:
    """Explains an agent.

    Args:
        agent: Any agent whose `predict` returns a state.
        train_env: A native vector environment on the training split.
        test_env: One on the test split.
        location_policies: Agents with the same core and classifier and other location policies, by name; the one that
            follows the expected information gain is added to them.
        settings: How much is computed.
        device: Where recordings, VAEs and EIG are computed. The explanation is on the CPU.
        progress: Show progress bars.

    Raises:
        TypeError: An agent has no method `predict`.
        ValueError: An environment is not a native vector environment, the agent has no state or a single glimpse, or a
            location policy has a name that is taken.
    """
    how = settings or ExplanationSettings()
    for name in (LEARNED_POLICY, EIG_POLICY):
        if name in (location_policies or {}):
            raise ValueError(f"expected other names of location policies than {name!r}, which is computed here")
    for policy in (location_policies or {}).values():
        RecurrentAgent(policy)  # or fails now, not after minutes
    agent = RecurrentAgent(agent, device)
    fit_settings = FitSettings(num_epochs=how.num_epochs, seed=how.seed, num_threads=how.num_threads)

    # Record the agent, and fit the VAE of the original.
    measured = measure(
        agent,
        train_env,
        test_env,
        VAESettings(),
        fit_settings,
        num_train=how.num_train,
        num_test=how.num_test,
        seed=how.seed,
        device=device,
        progress=progress,
    )
    train, test = measured.train, measured.test

    # Compare it with baselines and oracles.
    bootstrap = Bootstrap(len(test), seed=how.seed)
    with torch_threads(how.num_threads):
        reconstruction = evaluate_reconstruction(measured, bootstrap, fit_settings, progress=progress)

    # Fit the VAEs of the canvas.
    canvas_vae = measured.vae if train.canvas_is_original() else fit_canvas_vae(train, fit_settings, progress=progress)
    conditional = replace(fit_settings, conditional=True)
    imagining_vae = fit_canvas_vae(train[:NUM_IMAGINING], conditional, progress=progress)
    partial_vae = fit_canvas_vae(train, fit_settings, partial=True, progress=progress)

    # Compute maps of expected information gain, what looking really gains, and how both stand their tests.
    eig_recording = test[: how.num_eig]
    eig_validation, evidence = explain_looking(
        agent, train, eig_recording, imagining_vae, world_of(test_env), how, progress=progress
    )

    # Ask whether the class is in the memory or in the probe.
    probed = train[:NUM_SELECTIVITY]
    again = record(
        agent,
        train_env,
        len(probed),
        seed=how.seed + len(probed),  # image i begins where image i + len(probed) would have
        device=device,
        num_threads=how.num_threads,
        progress=progress,
    )
    with torch_threads(how.num_threads):
        selectivity = probe_selectivity(probed, again, Bootstrap(len(probed), seed=how.seed), seed=how.seed)

    # Compare location policies with the same core and classifier.
    eig_policy = EIGPolicy(
        agent,
        imagining_vae.sample,
        grid=how.policy_grid,
        retina=test.retina,
        num_samples=how.policy_samples,
        seed=how.seed,
        device=device,
    )
    learned = test[: how.policy_images]
    recordings = {LEARNED_POLICY: learned} | {
        name: record(
            policy,
            test_env,
            len(learned),
            seed=how.seed,
            device=device,
            num_threads=how.num_threads,
            progress=progress,
        )
        for name, policy in {EIG_POLICY: eig_policy, **(location_policies or {})}.items()
    }
    policy_bootstrap = Bootstrap(len(learned), seed=how.seed)

    return Explanation(
        recording=test.to("cpu"),
        class_names=world_of(test_env).dataset.class_names,
        curves=information_curves(test, bootstrap),
        reconstruction=reconstruction,
        canvas_vae=canvas_vae.cpu(),
        imagining_vae=imagining_vae.cpu(),
        partial_vae=partial_vae.cpu(),
        probe=linear_probe(train[:NUM_PROBE], test),
        eig_recording=eig_recording.to("cpu"),
        eig_validation=eig_validation.cpu(),
        evidence=evidence.with_probe(selectivity),
        location_policies={name: information_curves(one, policy_bootstrap) for name, one in recordings.items()},
        settings=replace(
            how,
            num_train=len(train),
            num_test=len(test),
            num_eig=len(eig_recording),
            policy_images=len(learned),
        ),
    )


def fit_canvas_vae(
    train: Recording, fit_settings: FitSettings, *, partial: bool = False, progress: bool = False
) -> HiddenStateVAE:
    """Fits a VAE that reconstructs the canvas.

    Args:
        train: The agent on the training split.
        fit_settings: How it is fitted.
        partial: Whether its loss counts only the pixels seen so far.
        progress: Show progress bars.
    """
    settings = VAESettings(target="canvas", partial=partial)
    images, coverage = targets_of(train, settings)
    return fit_vae(train.hidden, images, settings, fit_settings, coverage, progress=progress).vae


def explain_looking(
    agent: Agent,
    train: Recording,
    recording: Recording,
    canvas_vae: HiddenStateVAE,
    world: World,
    settings: ExplanationSettings,
    *,
    progress: bool = False,
) -> tuple[EIGValidation, Evidence]:
    """Computes maps of expected information gain, what looking really gains, and how both stand their tests.

    Args:
        agent: The agent that was recorded.
        train: The agent on training images.
        recording: The agent on `N` test images, `T` glimpses, at least 2 of both.
        canvas_vae: Imagines canvases.
        world: Where the recording was made.
        settings: The grid of a map, the number of imagined canvases, the seed, and the number of threads.
        progress: Show progress bars.

    Raises:
        ValueError: There is only one glimpse.
    """
    bootstrap = Bootstrap(len(recording), seed=settings.seed)
    with torch_threads(settings.num_threads):
        validation = validate_eig(
            agent,
            recording,
            canvas_vae.sample,
            grid_locations(settings.grid, recording.device),
            bootstrap,
            num_samples=settings.num_samples,
            generator=new_generator(settings.seed),
            progress=progress,
        )
        evidence = collect_evidence(
            agent,
            train,
            recording,
            validation,
            canvas_vae,
            bootstrap,
            corners=_corners(world, recording),
            num_samples=settings.num_samples,
            seed=settings.seed,
        )
    return validation, evidence


def _corners(world: World, recording: Recording) -> Tensor | None:
    """Where images lie on their canvases, if these are larger and the same for everybody: those of the test split."""
    if world.config.canvas_size is None or world.config.split != "test":
        return None
    return world.test_image_corners(recording.indices.to(world.device)).to(recording.device)
