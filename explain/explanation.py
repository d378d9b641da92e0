"""Everything that explains one agent, computed from what it did on a training and a test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from explain.eig.policy import EIGPolicy
from explain.eig.validation import EIGValidation, validate_eig
from explain.knowledge.curves import InformationCurves, information_curves
from explain.knowledge.intervals import Bootstrap
from explain.metrics import linear_probe
from explain.reconstruction.evaluation import ReconstructionEvaluation, evaluate_reconstruction
from explain.reconstruction.fitting import FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from explain.recording import Recording, record, state_restorer
from glimpse_env.dataset_rollout import Agent, to_numpy, world_of
from glimpse_env.retina import grid_locations

LEARNED_POLICY, EIG_POLICY = "learned policy", "EIG policy"
"""Names of the location policy that the agent learned, and of the one that follows its expected information gain."""


@dataclass(frozen=True)
class ExplanationSettings:
    """How much is computed.

    Raises:
        ValueError: A number is less than 1.
    """

    num_train: int = 60_000
    """Images of the training split that VAEs are fitted on; all, if there are fewer."""
    num_test: int = 10_000
    """Images of the test split that the agent is measured on; all, if there are fewer."""
    num_epochs: int = 8
    """Epochs that each VAE is fitted for."""
    num_eig: int = 200
    """Test images with maps of expected information gain."""
    grid: int = 13
    """Columns and rows of places in a map."""
    num_samples: int = 16
    """Canvases imagined for each hidden state."""
    policy_images: int = 500
    """Test images on which ways to look are compared."""
    policy_grid: int = 9
    """Columns and rows of places that looking by expected information gain chooses from."""
    policy_samples: int = 8
    """Canvases that it imagines each time."""
    seed: int = 0
    """Of first locations, VAEs, draws and intervals: the same seed gives the same numbers."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "seed" and value < 1:
                raise ValueError(f"expected {name} to be at least 1, got {value}")


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a saved agent knew after each glimpse, and what each glimpse was worth to it.

    Attributes:
        recording: The agent on the test split, `N` images and `T` glimpses.
        class_names: One name a class.
        curves: What it knew after each glimpse.
        reconstruction: What it believes the original looks like, and how far that is from the truth.
        canvas_vae: Imagines the canvas; the VAE of originals where they are the same.
        partial_vae: Imagines the canvas too, but was fitted on the pixels seen so far alone.
        probe: Accuracy of a linear probe of the hidden state after each glimpse, `(T,)`.
        eig_recording: The images that have maps, the first of `recording`.
        eig_validation: Expected information gain, and what was gained, on them.
        location_policies: What the same core and classifier knew on the same images, by who chose where to look.
    """

    recording: Recording
    class_names: tuple[str, ...]
    curves: InformationCurves
    reconstruction: ReconstructionEvaluation
    canvas_vae: HiddenStateVAE
    partial_vae: HiddenStateVAE
    probe: NDArray[np.float64]
    eig_recording: Recording
    eig_validation: EIGValidation
    location_policies: Mapping[str, InformationCurves]

    def to_json(self) -> dict[str, Any]:
        """Every number of it, without what is known of each image."""
        return {
            "num_images": len(self.recording),
            "information": self.curves.to_json(),
            "reconstruction": self.reconstruction.to_json(),
            "linear_probe": self.probe.tolist(),
            "expected_information_gain": {"num_images": len(self.eig_recording)} | self.eig_validation.to_json(),
            "location_policies": {name: curves.to_json() for name, curves in self.location_policies.items()},
        }


def explain(
    agent: Agent,
    train_env: VectorEnv[Any, Any, Any],
    test_env: VectorEnv[Any, Any, Any],
    location_policies: Mapping[str, Agent] | None = None,
    settings: ExplanationSettings | None = None,
    *,
    progress: bool = False,
) -> Explanation:
    """Explains an agent.

    Args:
        agent: Whom to explain; it is reached through `predict` alone, and must return a state.
        train_env: A native vector environment on the training split.
        test_env: One on the test split.
        location_policies: Agents with the same core and classifier and other location policies, by name; the one that
            follows the expected information gain is added to them.
        settings: How much is computed.
        progress: Show progress bars.

    Raises:
        ValueError: An environment is no native vector environment, or the agent has no state.
    """
    how = settings or ExplanationSettings()
    train, test = (
        record(agent, env, min(count, len(world_of(env).dataset.images)), seed=how.seed, progress=progress)
        for env, count in ((train_env, how.num_train), (test_env, how.num_test))
    )
    restore = state_restorer(_example_state(agent, test_env))
    fit_settings = FitSettings(num_epochs=how.num_epochs, seed=how.seed)
    bootstrap = Bootstrap(len(test), seed=how.seed)
    reconstruction = evaluate_reconstruction(train, test, bootstrap, None, fit_settings, progress=progress)
    canvas_vae = reconstruction.vae
    if not train.canvas_is_original():
        canvas_vae = fit_vae(train, VAESettings(target="canvas"), fit_settings, progress=progress).vae
    partial_vae = fit_vae(train, VAESettings(target="canvas", partial=True), fit_settings, progress=progress).vae

    eig_recording = test[: how.num_eig]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        validation = validate_eig(
            agent,
            eig_recording,
            canvas_vae.sample,
            grid_locations(how.grid),
            Bootstrap(len(eig_recording), seed=how.seed),
            num_samples=how.num_samples,
            restore=restore,
            progress=progress,
        )
    by_eig = EIGPolicy(
        agent,
        canvas_vae.sample,
        grid=how.policy_grid,
        retina=test.retina,
        num_samples=how.policy_samples,
        seed=how.seed,
    )
    looked = {LEARNED_POLICY: test[: how.policy_images]}
    for name, looker in {EIG_POLICY: by_eig, **(location_policies or {})}.items():
        looked[name] = record(looker, test_env, len(looked[LEARNED_POLICY]), seed=how.seed, progress=progress)
    return Explanation(
        recording=test,
        class_names=world_of(test_env).dataset.class_names,
        curves=information_curves(test, bootstrap),
        reconstruction=reconstruction,
        canvas_vae=canvas_vae,
        partial_vae=partial_vae,
        probe=linear_probe(train[:10_000], test),
        eig_recording=eig_recording,
        eig_validation=validation,
        location_policies={
            name: information_curves(own, Bootstrap(len(own), seed=how.seed)) for name, own in looked.items()
        },
    )


def _example_state(agent: Agent, env: VectorEnv[Any, Any, Any]) -> Any:
    """A state of the form that the agent's `predict` returns."""
    observation, _ = env.reset(seed=0)
    seen = {key: to_numpy(value) for key, value in observation.items()}
    return agent.predict(seen, state=None, episode_start=np.ones(env.num_envs, dtype=bool), deterministic=True)[1]
