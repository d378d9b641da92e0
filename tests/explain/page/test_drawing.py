"""Drawings, canvases that the reader changes, and links, under node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
DRAWING = {"canvas/drawing.js": "rasterise, normalise, bounds, writeStrokes, readStrokes"}
LINK = {"link.js": "writeLink, readLink"}
SEVEN = [[[3, 3], [8, 3]], [[8, 3], [6, 9], [5, 12]]]
CONTENT = {
    "image": {"channels": 1, "height": 28, "width": 28},
    "canvas": {"channels": 1, "height": 60, "width": 60},
    "numGlimpses": 6,
    "isPlaced": True,
    "shuffledVae": None,
    "classNames": ["a", "b", "c"],
    "drawing": {"box": 20, "stroke": 2},
    "examples": {"labels": [0, 1]},
}
STATE = {
    "example": None,
    "strokes": [[[0, 28], [51 / 255 * 28, 102 / 255 * 28]]],
    "placement": {"x": 30.5, "y": 22.25, "scale": 1.5, "distractors": 77},
    "label": 2,
    "seed": 12345,
    "path": [[0.5, -0.25], [-1, 0.1234]],
    "driver": "random",
    "control": "randomised",
    "shown": 3,
}


def test_a_stroke_is_as_wide_as_it_should_be(run_modules: Run) -> None:
    code = "return rasterise([[[14, 4], [14, 24]], [[2, 2]]], { height: 28, width: 28 }, 3);"
    picture = run_modules(DRAWING, code)
    pixels = np.array(picture["pixels"]).reshape(28, 28)
    assert pixels[14].sum() / 255 == pytest.approx(3, abs=0.05)
    assert pixels[2, 2] > 200  # a dot is a stroke, too
    assert pixels[:, 20:].max() == 0


@pytest.mark.parametrize("box", [20, 28])
def test_a_drawing_gets_the_box_and_the_centre_of_the_data_set(box: int, run_modules: Run) -> None:
    code = """
        const strokes = normalise(given.strokes, { height: 28, width: 28 }, { box: given.box, stroke: 2 });
        return rasterise(strokes, { height: 28, width: 28 }, 2);
    """
    pixels = np.array(run_modules(DRAWING, code, strokes=SEVEN, box=box)["pixels"]).reshape(28, 28)
    ys, xs = (pixels > 25).nonzero()
    assert max(np.ptp(ys), np.ptp(xs)) + 1 == pytest.approx(box, abs=1)
    if box == 20:
        rows, columns = np.mgrid[:28, :28]
        assert (pixels * rows).sum() / pixels.sum() == pytest.approx(14, abs=0.2)
        assert (pixels * columns).sum() / pixels.sum() == pytest.approx(14, abs=0.2)


def test_long_strokes_survive_a_link(run_modules: Run) -> None:
    rng = np.random.default_rng(0)
    strokes = [(rng.integers(0, 256, (length, 2)) / 255 * 28).tolist() for length in (1, 3, 600)]
    code = """
        const shape = { height: 28, width: 28 };
        const draw = (strokes) => rasterise(strokes, shape, 2).pixels;
        return [draw(given.strokes), draw(readStrokes(writeStrokes(given.strokes, shape), shape))];
    """
    before, after = run_modules(DRAWING, code, strokes=strokes)
    assert before == after
    assert max(before) == 255


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"example": 1, "strokes": [], "label": None},
        {"example": 1, "strokes": [], "placement": {"x": 30.5, "y": 22.25, "scale": 1.5, "distractors": None}},
        {"placement": None, "path": [], "driver": "eig", "shown": 0},
    ],
)
def test_a_link_leads_to_the_state(change: dict[str, Any], run_modules: Run) -> None:
    code = "return readLink(writeLink(given.state, given.content), given.content);"
    assert run_modules(LINK, code, state=STATE | change, content=CONTENT) == STATE | change


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("example=1", "example=2", "this page has no such example"),
        ("example=1", "exam", "its example does not consist of numbers"),
        ("seed=1", "seed=-1", "this page has no such seed"),
        ("driver=eig", "driver=__proto__", "this page has no such driver"),
        ("control=trained", "control=shuffled", "this page has no such control"),
        ("path=0.5_0.5", "path=0.5", "its path is not one of locations"),
        ("path=0.5_0.5", "path=3_0.5", "its path is not one of locations"),
        ("path=0.5_0.5", "path=_", "its path does not consist of numbers"),
        ("glimpse=5", "glimpse=6", "this page has no such glimpse"),
        ("example=1", "drawing=BwAA", "its drawing is not whole"),
        ("example=1", "drawing=!", "its drawing is not whole"),
        ("example=1", "example=1&placement=1_2", "its placement is not one on this canvas"),
        ("example=1", "drawing=&placement=1_2_1", "its placement is not one on this canvas"),
        ("example=1", "example=1&label=9", "this page has no such label"),
    ],
)
def test_a_damaged_link_is_one_sentence(good: str, bad: str, message: str, run_modules: Run) -> None:
    link = "example=1&seed=1&path=0.5_0.5&driver=eig&control=trained&glimpse=5"
    assert good in link
    code = """
        readLink(given.link, given.content);
        try { readLink(given.damaged, given.content); } catch (error) { return [error.name, error.message]; }
    """
    answer = run_modules(LINK, code, link=link, damaged=link.replace(good, bad), content=CONTENT)
    assert answer == ["RangeError", message]


def test_an_example_is_moved_among_its_own_distractors(run_modules: Run) -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((28, 28), dtype=int)
    image[5:23, 8:20] = rng.integers(50, 120, (18, 12))
    clutter = np.zeros((60, 60), dtype=int)
    for y, x in [(2, 3), (20, 30), (50, 48)]:  # one of them lies under the image
        clutter[y : y + 8, x : x + 8] = rng.integers(0, 120, (8, 8))
    canvas = clutter.copy()
    canvas[12:40, 17:45] += image
    code = """
        const picture = (shape, pixels) => ({ ...shape, pixels: Uint8Array.from(pixels) });
        const { content, canvas, image } = given;
        const example = {
          canvas: picture(content.canvas, canvas), original: picture(content.image, image), label: 0, location: [0, 0],
        };
        const own = placementOf({ example: 0, placement: null, seed: 1 }, content, [example]);
        const state = { example: 0, strokes: [], seed: 1 };
        const at = (placement) => makeCanvas({ ...state, placement }, content, [example]).pixels;
        return { own, same: at(own), moved: at({ ...own, x: own.x + 10, y: own.y - 4 }) };
    """
    answer = run_modules(
        {"canvas/scene.js": "makeCanvas, placementOf"},
        code,
        content=CONTENT,
        canvas=canvas.flatten().tolist(),
        image=image.flatten().tolist(),
    )
    assert answer["own"] == {"x": 31, "y": 26, "scale": 1, "distractors": None}
    assert answer["same"] == canvas.flatten().tolist()
    clutter[8:36, 27:55] += image
    assert answer["moved"] == clutter.flatten().tolist()


def test_images_are_placed_and_scaled(run_modules: Run) -> None:
    code = """
        const image = { ...given.content.image, pixels: new Uint8Array(784).fill(200) };
        const example = { canvas: null, original: image, label: 0, location: [0, 0] };
        const content = { ...given.content, numDistractors: 0 };
        const at = (placement) => makeCanvas({ example: 0, strokes: [], placement, seed: 1 }, content, [example]);
        return [at({ x: 30, y: 20, scale: 1, distractors: 1 }), at({ x: 0, y: 60, scale: 0.5, distractors: 1 })];
    """
    canvases = run_modules({"canvas/scene.js": "makeCanvas"}, code, content=CONTENT)
    whole, small = (np.array(canvas["pixels"]).reshape(60, 60) for canvas in canvases)
    expected = np.zeros((60, 60))
    expected[6:34, 16:44] = 200
    assert (whole == expected).all()
    expected = np.zeros((60, 60))
    expected[46:60, 0:14] = 200  # as far in the corner as it goes
    assert (small == expected).all()
