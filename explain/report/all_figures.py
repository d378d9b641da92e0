"""Every figure of an explanation, drawn into a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from explain.explanation import LEARNED_POLICY, Explanation
from explain.reconstruction.vae import HiddenStateVAE
from explain.recording import Recording
from explain.report import figures
from explain.report.examples import change_of_mind, first_of_each_class
from explain.report.failures import most_confident_failures

NUM_STRIPS, NUM_COURSES, NUM_MAPS, NUM_FAILURES = 10, 8, 5, 6
"""Images shown as strips, with the course of the belief, with maps, and as failures; fewer, if there are fewer."""
NUM_TALL_STRIPS = 5
"""Images shown as strips where canvases differ from originals, and so take two rows each."""


def draw_all_figures(explanation: Explanation, folder: Path, *, progress: bool = False) -> dict[str, Path]:
    """Draws every figure of an explanation, each as a picture and as a page of a paper; and one episode, animated.

    Args:
        explanation: What is drawn.
        folder: Where the files go, each named after its figure.
        progress: Show a progress bar.

    Returns:
        The pictures by name, PNG or GIF. `strips_canvas` is there only if canvases differ from originals, and
        `failures_strips` and `failures_beliefs` only if the agent was ever wrong.
    """
    drawn = {}
    draw = figures_of(explanation)
    for name in tqdm(draw, "Drawing", disable=not progress, unit="figure"):
        drawn[name], _ = figures.save_figure(draw[name](), folder / name)
    drawn["animation"] = _animate(explanation, folder / "animation.gif")
    return drawn


def figures_of(explanation: Explanation) -> dict[str, Callable[[], Figure]]:
    """How to draw each figure of an explanation, by name."""
    recording, names, reconstruction = explanation.recording, explanation.class_names, explanation.reconstruction
    validation, examples = explanation.eig_validation, first_of_each_class(recording, NUM_STRIPS)
    mapped = first_of_each_class(explanation.eig_recording, NUM_MAPS)
    in_strips = examples if explanation.canvas_vae is reconstruction.vae else examples[:NUM_TALL_STRIPS]

    def strips(vae: HiddenStateVAE, images: list[int]) -> Callable[[], Figure]:
        return lambda: figures.draw_strips(recording, _imagined(vae, recording, images), images, names)

    draw: dict[str, Callable[[], Figure]] = {
        "information": lambda: figures.draw_information({LEARNED_POLICY: explanation.curves}),
        "beliefs": partial(figures.draw_beliefs, recording, examples[:NUM_COURSES], names),
        "strips": strips(reconstruction.vae, in_strips),
        "strips_canvas": strips(explanation.canvas_vae, in_strips),
        "strips_partial": strips(explanation.partial_vae, in_strips),
        "reconstruction_errors": lambda: figures.draw_reconstruction_errors(
            {
                "from its hidden states": reconstruction.error,
                "from those of other images": reconstruction.shuffled,
                "from a perfect memory": reconstruction.oracle_memory,
            },
            {
                "mean image": float(reconstruction.mean_image.value),
                "mean of true class": float(reconstruction.mean_of_class.value),
                "given the original": float(reconstruction.full_image_oracle.value),
            },
        ),
        "places": partial(figures.draw_places, recording),
        "places_by_class": partial(figures.draw_places_by_class, recording, names),
        "eig_maps": lambda: figures.draw_eig_maps(
            explanation.eig_recording, validation.maps.divergence[mapped], validation.maps.locations, mapped
        ),
        "eig_against_gain": lambda: figures.draw_eig_against_gain(
            validation.expected.flatten(), validation.gained.flatten()
        ),
        "looks": lambda: figures.draw_looks(
            {
                look: (curves.accuracy.value.numpy(), curves.accuracy.low.numpy(), curves.accuracy.high.numpy())
                for look, curves in explanation.location_policies.items()
            }
        ),
        "hidden_states": partial(figures.draw_hidden_states, recording, names),
    }
    if explanation.canvas_vae is reconstruction.vae:
        del draw["strips_canvas"]
    if failures := most_confident_failures(recording, NUM_FAILURES):
        draw["failures_strips"] = strips(reconstruction.vae, failures)
        draw["failures_beliefs"] = partial(figures.draw_beliefs, recording, failures, names)
    return draw


def _animate(explanation: Explanation, path: Path) -> Path:
    recording, validation = explanation.eig_recording, explanation.eig_validation
    image = change_of_mind(recording)
    return figures.save_animation(
        path,
        recording,
        image,
        _imagined(explanation.reconstruction.vae, recording, [image])[0],
        validation.maps.divergence[image],
        validation.maps.locations,
        explanation.class_names,
    )


def _imagined(vae: HiddenStateVAE, recording: Recording, images: list[int]) -> Tensor:
    """What a VAE imagines of these images after each glimpse, `(len(images), T, channels, h, w)`."""
    return vae.reconstruct(recording.hidden[images])
