"""The figures of an explanation, for a page of a paper and for the web."""

from explain.figures.animation import save_animation
from explain.figures.beliefs import draw_beliefs
from explain.figures.eig_maps import draw_eig_maps
from explain.figures.hidden_states import draw_hidden_states
from explain.figures.information import draw_information
from explain.figures.places import draw_places, draw_places_by_class
from explain.figures.scores import draw_eig_against_gain, draw_looks, draw_reconstruction_errors
from explain.figures.strips import draw_strips
from explain.figures.style import save_figure

__all__ = [
    "draw_beliefs",
    "draw_eig_against_gain",
    "draw_eig_maps",
    "draw_hidden_states",
    "draw_information",
    "draw_looks",
    "draw_places",
    "draw_places_by_class",
    "draw_reconstruction_errors",
    "draw_strips",
    "save_animation",
    "save_figure",
]
