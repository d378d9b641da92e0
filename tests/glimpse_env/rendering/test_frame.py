"""Frames: their size, what they show and where."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from glimpse_env.rendering import colours
from glimpse_env.rendering.frame import BAR_LEFT, BAR_RIGHT, BELIEF_TOP, ROW_HEIGHT, draw_frame
from glimpse_env.rendering.scene import Scene
from glimpse_env.retina import Retina

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
LOCATIONS = np.array([[-0.5, -0.5], [0.5, -0.2], [0.9, 0.9]], np.float32)


def make_scene(
    channels: int = 1,
    height: int = 28,
    width: int = 28,
    glimpse_size: int = 8,
    num_scales: int = 1,
    num_classes: int = 10,
    steps: int = 1,
    label: int | None = None,
) -> Scene:
    rng = np.random.default_rng(0)
    glimpse_shape = (num_scales * channels, glimpse_size, glimpse_size)
    return Scene(
        canvas=rng.integers(256, size=(channels, height, width), dtype=np.uint8),
        glimpse=rng.random(glimpse_shape, dtype=np.float32),
        locations=LOCATIONS[:steps],
        belief=rng.dirichlet(np.ones(num_classes)),
        class_names=tuple(f"class {index}" for index in range(num_classes)),
        retina=Retina(glimpse_size, num_scales),
        num_glimpses=3,
        label=label,
    )


def differ(scene: Scene, **changes: Any) -> bool:
    return not np.array_equal(draw_frame(scene), draw_frame(replace(scene, **changes)))


def extent(frame: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels of a colour; right and bottom are the first ones beyond."""
    rows, columns = np.nonzero((frame == color).all(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_every_moment_is_drawn_on_the_same_size() -> None:
    for steps in (1, 2, 3):
        for label in (None, 0, 9):
            frame = draw_frame(make_scene(steps=steps, label=label))
            assert frame.shape == (528, 960, 3)
            assert frame.dtype == np.uint8
            assert frame.flags.c_contiguous


@pytest.mark.parametrize(
    "settings",
    [
        {"height": 60, "width": 60, "glimpse_size": 12, "num_scales": 3},
        {"channels": 3, "height": 32, "width": 32, "num_scales": 2},
        {"height": 20, "width": 50},
        {"height": 50, "width": 20, "glimpse_size": 7, "num_scales": 5},
        {"height": 700, "width": 640, "glimpse_size": 64, "num_scales": 3},
        {"height": 8, "width": 8, "glimpse_size": 1},
        {"num_classes": 2},
        {"num_classes": 100},
    ],
)
def test_canvas_glimpse_and_belief_are_seen_in_any_environment(settings: dict[str, int]) -> None:
    scene = make_scene(**settings, steps=3, label=1)
    assert draw_frame(scene).shape == (528, 960, 3)
    assert differ(scene, canvas=255 - scene.canvas)
    assert differ(scene, glimpse=1 - scene.glimpse)
    assert differ(scene, belief=scene.belief[::-1])


def test_the_same_scene_gives_the_same_frame_in_any_thread() -> None:
    scene = make_scene(steps=3, label=2)
    with ThreadPoolExecutor(4) as threads:
        frames = list(threads.map(draw_frame, [scene] * 8))
    assert all(np.array_equal(frame, draw_frame(scene)) for frame in frames)


def test_leaves_the_scene_as_it_is() -> None:
    scene, untouched = make_scene(steps=3, label=1), make_scene(steps=3, label=1)
    for field in fields(scene):
        value = getattr(scene, field.name)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    draw_frame(scene)
    for name in ("canvas", "glimpse", "locations", "belief"):
        np.testing.assert_array_equal(getattr(scene, name), getattr(untouched, name))


def test_everything_in_the_scene_is_seen() -> None:
    scene = make_scene(steps=2)
    assert differ(scene, canvas=255 - scene.canvas)
    assert differ(scene, glimpse=1 - scene.glimpse)
    assert differ(scene, belief=scene.belief[::-1])
    assert differ(scene, num_glimpses=9)
    assert differ(scene, class_names=tuple("abcdefghij"))
    assert differ(scene, locations=np.array([LOCATIONS[0], LOCATIONS[2]]))


def test_the_path_to_a_location_is_seen() -> None:
    there = make_scene(steps=3)
    detour = there.locations[[1, 0, 2]]
    assert differ(there, locations=detour)


def test_the_label_marks_the_true_class_and_whether_the_belief_is_correct() -> None:
    scene = make_scene()
    believed = int(scene.belief.argmax())
    labels = (None, believed, (believed + 1) % 10, (believed + 2) % 10)
    frames = {draw_frame(replace(scene, label=label)).tobytes() for label in labels}
    assert len(frames) == len(labels)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (12, 24), (24, 12)])
def test_canvas_pixels_are_enlarged_to_crisp_squares_in_place(height: int, width: int) -> None:
    canvas = np.zeros((3, height, width), np.uint8)
    canvas[:, 2, 3] = RED
    canvas[:, 4, 3] = GREEN
    canvas[:, 2, 8] = BLUE
    scene = replace(make_scene(3, height, width), canvas=canvas, locations=np.array([[0.8, 0.8]], np.float32))
    frame = draw_frame(scene)

    left, top, right, bottom = extent(frame, RED)
    zoom = right - left
    assert zoom == bottom - top >= 8
    assert (frame[top:bottom, left:right] == RED).all()
    assert extent(frame, GREEN) == (left, top + 2 * zoom, right, bottom + 2 * zoom)
    assert extent(frame, BLUE) == (left + 5 * zoom, top, right + 5 * zoom, bottom)


def test_the_square_surrounds_the_pixels_that_the_glimpse_covers() -> None:
    canvas = np.zeros((3, 24, 24), np.uint8)
    canvas[:, 8:16, 8:16] = np.reshape(RED, (3, 1, 1))
    scene = replace(make_scene(3, 24, 24), canvas=canvas, locations=np.zeros((1, 2), np.float32))
    frame = draw_frame(scene)

    left, top, right, bottom = extent(frame, RED)
    square = frame[top - 2 : bottom + 2, left - 2 : right + 2]
    for edge in (square[1, 20:-20], square[-2, 20:-20], square[20:-20, 1], square[20:-20, -2]):
        assert (edge == edge[0]).all()
        assert edge[0].max() > 100, "an edge of the square is not where the glimpse ends"


def test_the_retina_panels_show_every_scale_in_its_colour() -> None:
    canvas = np.zeros((3, 32, 32), np.uint8)
    glimpse = np.zeros((6, 8, 8), np.float32)
    glimpse[0] = 1  # red of scale 0
    glimpse[3 + 2] = 1  # blue of scale 1
    frame = draw_frame(replace(make_scene(3, 32, 32, num_scales=2), canvas=canvas, glimpse=glimpse))

    red, blue = extent(frame, RED), extent(frame, BLUE)
    assert red[2] < blue[0], "scales go from fine to coarse"
    for left, top, right, bottom in (red, blue):
        assert right - left == bottom - top > 100


def test_a_glimpse_beyond_the_canvas_is_seen_in_the_margin() -> None:
    scene = replace(make_scene(num_scales=2), canvas=np.zeros((1, 28, 28), np.uint8))
    top_left, bottom_right = (
        draw_frame(replace(scene, locations=np.full((1, 2), xy, np.float32)))[24:90, 24:90] for xy in (-1, 1)
    )
    assert top_left.any()
    assert not bottom_right.any()


def test_of_many_classes_the_most_probable_and_the_true_one_are_shown() -> None:
    scene = make_scene(num_classes=100)
    order = np.argsort(-scene.belief)

    def renamed(index: int) -> dict[str, Any]:
        return {"class_names": (*scene.class_names[:index], "renamed", *scene.class_names[index + 1 :])}

    assert differ(scene, **renamed(order[9]))
    assert not differ(scene, **renamed(order[10]))
    assert differ(replace(scene, label=int(order[50])), **renamed(order[50]))


def test_names_are_shown_as_they_are() -> None:
    scene = make_scene(num_classes=2)
    assert differ(replace(scene, class_names=("a$x$", "b")), class_names=("ax", "b"))
    draw_frame(replace(scene, class_names=("$", "\\frac{$broken$")))


def test_long_names_stay_in_their_column() -> None:
    short = make_scene(num_classes=2)
    long = replace(short, class_names=("a name that goes on and on", "THE SAME NAME IN CAPITALS"))
    changed = np.nonzero((draw_frame(short) != draw_frame(long)).any(axis=(0, 2)))[0]
    assert changed.min() > 504, "a name reaches into the canvas"
    assert changed.max() < 664, "a name reaches into the bars"


def test_the_bar_of_a_certain_and_correct_belief_is_full_and_green() -> None:
    frame = draw_frame(replace(make_scene(label=3), belief=np.eye(10)[3]))
    middles = [int(BELIEF_TOP + (row + 0.5) * ROW_HEIGHT) for row in range(10)]
    # Up to where the bar of the label says "true class".
    bars = frame[middles, BAR_LEFT + 2 : BAR_RIGHT - 80]
    green = [round(255 * part) for part in to_rgb(colours.GREEN)]
    assert [bool((bar == green).all()) for bar in bars] == [row == 3 for row in range(10)]
