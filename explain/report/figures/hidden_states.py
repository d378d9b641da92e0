"""Hidden states after each glimpse, embedded in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from explain.recording import Recording
from explain.report.figures.inputs import check_class_names, shown_classes
from explain.report.figures.lines import add_legend
from explain.report.figures.style import CLASS_COLORS, FAINT, PAGE_WIDTH, figure_style, make_figure
from glimpse_env.rendering.style import shorten

NUM_IMAGES = 500
"""The greatest number of images that are shown."""
MAX_PERPLEXITY = 30.0
MAX_COLUMNS = 3
NAME_LENGTH = 10


@figure_style()
def draw_hidden_states(
    recording: Recording, class_names: Sequence[str], num_images: int = NUM_IMAGES, seed: int = 0
) -> Figure:
    """Draws the hidden states in a panel for each glimpse, coloured by the true class.

    The states after all glimpses are embedded together with t-SNE (van der Maaten and Hinton 2008), so that the panels
    can be compared. A class whose name is one letter is drawn as that letter. Of more than 10 classes, the 10 most
    frequent ones are shown.

    Args:
        recording: `N` images and `T` glimpses.
        class_names: The name of each class.
        num_images: The greatest number of images, which are drawn at random.
        seed: Seed of this draw and of t-SNE.

    Raises:
        ValueError: The number of names is not the number of classes, or there are fewer than 4 states.
    """
    check_class_names(recording, class_names)
    glimpses, num_classes = recording.beliefs.shape[1:]
    labels = recording.labels.numpy()
    classes = shown_classes(labels, num_classes)
    possible = np.flatnonzero(np.isin(labels, classes))
    images = np.random.default_rng(seed).permutation(possible)[:num_images]
    names = [shorten(name, NAME_LENGTH) for name in class_names]
    markers = [_marker(class_names[label]) for label in classes]
    points = embed_states(recording.hidden.numpy()[images], seed)
    columns = min(MAX_COLUMNS, glimpses)
    rows = -(-glimpses // columns)
    side = PAGE_WIDTH / MAX_COLUMNS
    breadth, height = np.ptp(points, axis=(0, 1))
    aspect = np.clip(height / breadth, 0.5, 1)
    figure = make_figure(columns * side, rows * (side * aspect + 0.2) + 0.2 * ("o" in markers))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for glimpse, axes in enumerate(panels):
        if glimpse >= glimpses:
            axes.set_visible(False)
            continue
        axes.set_title(f"glimpse {glimpse + 1}")
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set(visible=True, color=FAINT)
        for label, color, marker in zip(classes, CLASS_COLORS, markers, strict=False):
            x, y = points[labels[images] == label, glimpse].T
            axes.scatter(x, y, s=24, alpha=0.9, color=color, marker=marker, linewidths=0, label=names[label])
    if "o" in markers:
        add_legend(figure, panels[0])
    return figure


def embed_states(hidden: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Embeds hidden states `(N, T, D)` together in two dimensions, `(N, T, 2)`."""
    states = hidden.reshape(-1, hidden.shape[2])
    if len(states) < 4:
        raise ValueError(f"expected at least 4 hidden states, got {len(states)}")
    perplexity = min(MAX_PERPLEXITY, (len(states) - 1) / 3)
    embedded = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(states)
    # Rotated so that it is wider than high: directions have no meaning in t-SNE.
    return PCA(2).fit_transform(embedded).reshape(*hidden.shape[:2], 2)


def _marker(name: str) -> Path | str:
    """Returns the only letter of a name as a marker, or a dot for longer names and for what cannot be seen."""
    if len(name) != 1 or not name.isprintable() or name.isspace():
        return "o"
    letter = TextPath((0, 0), name, size=10, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = letter.get_extents()
    return letter.transformed(Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2))
