"""The figures of an explanation, for a page of a paper and for the web."""

from explain.report.figures.animation import save_animation
from explain.report.figures.beliefs import draw_beliefs
from explain.report.figures.eig_maps import draw_eig_maps
from explain.report.figures.evidence.estimates import draw_estimates
from explain.report.figures.evidence.metrics import draw_evidence
from explain.report.figures.evidence.removal import draw_removal_curves
from explain.report.figures.evidence.similarities import draw_similarities
from explain.report.figures.hidden_states import draw_hidden_states
from explain.report.figures.information import draw_information
from explain.report.figures.locations import draw_locations, draw_locations_by_class
from explain.report.figures.reconstructions import draw_reconstructions
from explain.report.figures.style import save_figure
from explain.report.figures.validation import draw_eig_against_gain, draw_location_policies, draw_reconstruction_errors

__all__ = [
    "draw_beliefs",
    "draw_eig_against_gain",
    "draw_eig_maps",
    "draw_estimates",
    "draw_evidence",
    "draw_hidden_states",
    "draw_information",
    "draw_location_policies",
    "draw_locations",
    "draw_locations_by_class",
    "draw_reconstruction_errors",
    "draw_reconstructions",
    "draw_removal_curves",
    "draw_similarities",
    "save_animation",
    "save_figure",
]
