"""All figures: each as PNG and PDF, one animation, and none that would be empty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from explain.explanation import Explanation
from explain.report.all_figures import figures_of

FIGURES = {
    "information",
    "beliefs",
    "reconstructions",
    "canvas_reconstructions",
    "partial_reconstructions",
    "reconstruction_errors",
    "locations",
    "locations_by_class",
    "eig_maps",
    "eig_against_gain",
    "estimator_check",
    "evidence",
    "parameter_randomisation",
    "removal_curves",
    "location_policies",
    "hidden_states",
    "failure_reconstructions",
    "failure_beliefs",
}


def test_every_figure_is_a_png_and_a_pdf_file(tiny_report: Path) -> None:
    assert {path.stem for path in tiny_report.glob("*.png")} == FIGURES
    assert {path.stem for path in tiny_report.glob("*.pdf")} == FIGURES
    for path in tiny_report.glob("*.png"):
        with Image.open(path) as image:
            low, high = image.convert("L").getextrema()
            assert high - low > 100, path
    assert all(path.read_bytes().startswith(b"%PDF") for path in tiny_report.glob("*.pdf"))


def test_the_animation_has_a_frame_per_glimpse(tiny_explanation: Explanation, tiny_report: Path) -> None:
    with Image.open(tiny_report / "animation.gif") as animation:
        assert animation.n_frames == tiny_explanation.recording.beliefs.shape[1]


def test_an_agent_without_failures_has_no_figures_of_them(tiny_explanation: Explanation) -> None:
    recording = tiny_explanation.recording
    right = replace(tiny_explanation, recording=replace(recording, labels=recording.beliefs[:, -1].argmax(1)))
    assert set(figures_of(right)) == FIGURES - {"failure_reconstructions", "failure_beliefs"}


def test_an_agent_that_offers_no_random_layers_has_no_figure_of_them(tiny_explanation: Explanation) -> None:
    evidence = replace(tiny_explanation.evidence, randomisation=None)
    assert set(figures_of(replace(tiny_explanation, evidence=evidence))) == FIGURES - {"parameter_randomisation"}


def test_canvases_that_are_the_originals_are_reconstructed_once(tiny_explanation: Explanation) -> None:
    same = replace(tiny_explanation, canvas_vae=tiny_explanation.reconstruction.vae)
    assert set(figures_of(same)) == FIGURES - {"canvas_reconstructions"}
