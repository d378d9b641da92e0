"""Draws all figures of an explanation into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from explain.explanation import LEARNED_POLICY, Explanation
from explain.reconstruction.vae import HiddenStateVAE
from explain.recording import Recording
from explain.report import figures
from explain.report.examples import first_of_each_class, largest_belief_change
from explain.report.failures import most_confident_failures
from explain.report.figures.curve_points import CurvePoint, curve_points

NUM_RECONSTRUCTIONS, NUM_BELIEFS, NUM_MAPS, NUM_FAILURES = 5, 6, 4, 4
"""The greatest number of images in the figures of reconstructions, beliefs, EIG maps and failures."""
NUM_TALL_RECONSTRUCTIONS = 3
"""The greatest number of images whose reconstructions take two rows, because canvases differ from originals."""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure in a file.

    Attributes:
        path: The PNG or GIF file.
        points: The points of its curves.
    """

    path: Path
    points: tuple[CurvePoint, ...] = ()


def draw_all_figures(explanation: Explanation, folder: Path, *, progress: bool = False) -> dict[str, DrawnFigure]:
    """Draws every figure of an explanation as PNG and PDF, and one episode as an animated GIF.

    Args:
        explanation: The explanation.
        folder: The folder of the files; each file has the name of its figure.
        progress: Show a progress bar.

    Returns:
        Each figure by its name. The figure `canvas_reconstructions` exists only if canvases
        differ from originals; `failure_reconstructions` and `failure_beliefs` only if there are failures;
        `parameter_randomisation` only if the agent offers copies with random layers.
    """
    drawings = figures_of(explanation)
    drawn = {}
    for name in tqdm(drawings, "Drawing", disable=not progress, unit="figure"):
        figure = drawings[name]()
        path, _ = figures.save_figure(figure, folder / name)
        drawn[name] = DrawnFigure(path, tuple(curve_points(figure)))
    drawn["animation"] = DrawnFigure(_save_animation(explanation, folder / "animation.gif"))
    return drawn


def figures_of(explanation: Explanation) -> dict[str, Callable[[], Figure]]:
    """Returns a function that draws it for each figure of an explanation, by its name."""
    recording, names, reconstruction = explanation.recording, explanation.class_names, explanation.reconstruction
    validation, policies = explanation.eig_validation, explanation.location_policies
    estimator = explanation.evidence.estimator
    canvas_differs = canvas_is_reconstructed(explanation)
    reconstructed = first_of_each_class(recording, num_reconstructions(explanation))
    mapped = first_of_each_class(explanation.eig_recording, NUM_MAPS)

    def reconstructions(vae: HiddenStateVAE, images: list[int]) -> Callable[[], Figure]:
        return lambda: figures.draw_reconstructions(recording, _reconstruct(vae, recording, images), images, names)

    drawings: dict[str, Callable[[], Figure]] = {
        "information": lambda: figures.draw_information({LEARNED_POLICY: explanation.curves}),
        "beliefs": partial(figures.draw_beliefs, recording, first_of_each_class(recording, NUM_BELIEFS), names),
        "reconstructions": reconstructions(reconstruction.vae, reconstructed),
        "canvas_reconstructions": reconstructions(explanation.canvas_vae, reconstructed),
        "partial_reconstructions": reconstructions(explanation.partial_vae, reconstructed),
        "reconstruction_errors": lambda: figures.draw_reconstruction_errors(
            {
                "hidden states": reconstruction.error,
                "shuffled hidden states": reconstruction.shuffled,
                "oracle memory": reconstruction.oracle_memory,
            },
            {
                "mean image": float(reconstruction.mean_image.value),
                "mean of the true class": float(reconstruction.mean_of_class.value),
                "full-image oracle": float(reconstruction.full_image_oracle.value),
            },
        ),
        "locations": partial(figures.draw_locations, recording),
        "locations_by_class": partial(figures.draw_locations_by_class, recording, names),
        "eig_maps": lambda: figures.draw_eig_maps(
            explanation.eig_recording, validation.maps.divergence[mapped], validation.maps.locations, mapped
        ),
        "eig_against_gain": lambda: figures.draw_eig_against_gain(
            validation.expected.flatten(), validation.gained.flatten()
        ),
        "removal_curves": lambda: figures.draw_removal_curves(
            explanation.evidence.removal.insertion, explanation.evidence.removal.deletion
        ),
        "evidence": partial(figures.draw_evidence, explanation.evidence.metrics),
        "estimator_check": lambda: figures.draw_estimates(
            estimator.counts,
            {
                "divergence": (estimator.divergence_bias, estimator.divergence_deviation),
                "mutual information": (estimator.mutual_information_bias, estimator.mutual_information_deviation),
            },
        ),
        "location_policies": lambda: figures.draw_location_policies(
            {name: curves.accuracy for name, curves in policies.items()}
        ),
        "hidden_states": partial(figures.draw_hidden_states, recording, names),
    }
    if (randomisation := explanation.evidence.randomisation) is not None:
        similarities = {"EIG maps": randomisation.maps, "imagined images": randomisation.images}
        drawings["parameter_randomisation"] = partial(figures.draw_similarities, similarities)
    if not canvas_differs:
        del drawings["canvas_reconstructions"]
    if failures := most_confident_failures(recording, NUM_FAILURES):
        drawings["failure_reconstructions"] = reconstructions(reconstruction.vae, failures)
        drawings["failure_beliefs"] = partial(figures.draw_beliefs, recording, failures, names)
    return drawings


def canvas_is_reconstructed(explanation: Explanation) -> bool:
    """Returns whether there is a VAE of canvases besides that of originals, because the two differ."""
    return explanation.canvas_vae is not explanation.reconstruction.vae


def num_reconstructions(explanation: Explanation) -> int:
    """Returns the greatest number of images in the figures of reconstructions."""
    return NUM_TALL_RECONSTRUCTIONS if canvas_is_reconstructed(explanation) else NUM_RECONSTRUCTIONS


def _save_animation(explanation: Explanation, path: Path) -> Path:
    recording, validation = explanation.eig_recording, explanation.eig_validation
    image = largest_belief_change(recording)
    return figures.save_animation(
        path,
        recording,
        image,
        _reconstruct(explanation.reconstruction.vae, recording, [image])[0],
        validation.maps.divergence[image],
        validation.maps.locations,
        explanation.class_names,
    )


def _reconstruct(vae: HiddenStateVAE, recording: Recording, images: Sequence[int]) -> Tensor:
    """Reconstructs images from their hidden states after each glimpse, `(len(images), T, channels, h, w)`."""
    return vae.reconstruct(recording.hidden[list(images)])
