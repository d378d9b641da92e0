"""An episode as a GIF: one frame per glimpse, without flicker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explain import Recording, grid_locations
from explain.report.figures import save_animation

GRID = 2


def save(path: Path, recording: Recording, class_names: Sequence[str], image: int = 1, **changes: Any) -> Path:
    channels, glimpses = recording.canvases.shape[1], recording.beliefs.shape[1]
    generator = torch.Generator().manual_seed(0)
    parts: dict[str, Any] = {
        "reconstructions": torch.rand(glimpses, channels, 8, 8, generator=generator),
        "maps": torch.rand(glimpses, GRID**2, generator=generator),
        "locations": grid_locations(GRID),
    }
    return save_animation(path, recording, image, **(parts | changes), class_names=class_names)


def frames_of(path: Path) -> tuple[list[np.ndarray], list[int]]:
    frames, durations = [], []
    with Image.open(path) as animation:
        for number in range(animation.n_frames):  # type: ignore[attr-defined]
            animation.seek(number)
            frames.append(np.asarray(animation.convert("RGB")).astype(int))
            durations.append(animation.info["duration"])
    return frames, durations


def test_every_glimpse_has_a_frame_and_the_last_stays(
    tmp_path: Path, recording: Recording, class_names: Sequence[str]
) -> None:
    path = save(tmp_path / "new" / "folder" / "episode.gif", recording, class_names)
    assert path == tmp_path / "new" / "folder" / "episode.gif"
    frames, durations = frames_of(path)
    assert durations == [1000, 1000, 1000, 2000]
    assert {frame.shape for frame in frames} == {(340, 1040, 3)}
    with Image.open(path) as animation:
        assert animation.info["loop"] == 0


def test_unchanged_parts_do_not_flicker(
    tmp_path: Path, make_recording: Callable[..., Recording], class_names: Sequence[str]
) -> None:
    """The reconstruction changes, and nothing to the right of it does."""
    recording = make_recording(glimpses=3)
    recording.beliefs[:] = recording.beliefs[:, :1]
    recording.locations[:] = recording.locations[:, :1]
    frames, _ = frames_of(save(tmp_path / "a.gif", recording, class_names, maps=torch.ones(3, GRID**2)))
    one, other, _ = frames
    assert (one[90:, :500] != other[90:, :500]).any()
    np.testing.assert_array_equal(one[90:, 510:], other[90:, 510:])
    assert (one[0, 0] == 255).all()


def test_frames_show_reconstruction_and_map(
    tmp_path: Path, make_recording: Callable[..., Recording], class_names: Sequence[str]
) -> None:
    recording = make_recording(glimpses=2)

    def changed(number: int, **changes: Any) -> np.ndarray:
        frames, _ = frames_of(save(tmp_path / f"{number}.gif", recording, class_names, **changes))
        # Another palette changes colours a little.
        return (np.abs(frames[1] - before[1]).max(-1) > 60).any(0).nonzero()[0]

    before, _ = frames_of(save(tmp_path / "before.gif", recording, class_names))
    columns = changed(1, reconstructions=torch.zeros(2, 1, 8, 8))
    assert len(columns)
    assert columns.min() >= 268
    assert columns.max() < 496
    columns = changed(2, maps=torch.zeros(2, GRID**2))
    assert len(columns)
    assert columns.min() >= 516
    assert columns.max() < 840


@pytest.mark.parametrize(("classes", "shown"), [(3, 3), (100, 10)])
def test_there_is_a_bar_per_class_up_to_ten(
    tmp_path: Path, make_recording: Callable[..., Recording], classes: int, shown: int
) -> None:
    recording = make_recording(num_images=2, glimpses=2, classes=classes, channels=3)
    frames, _ = frames_of(save(tmp_path / "a.gif", recording, [f"$class {number}" for number in range(classes)]))
    for frame in frames:
        is_bar = (frame[90:, 980] < 250).all(1)  # near the right end of the bars
        assert np.count_nonzero(np.diff(is_bar, prepend=False) & is_bar) == shown


def test_refused_arguments_leave_no_file(tmp_path: Path, recording: Recording, class_names: Sequence[str]) -> None:
    path = tmp_path / "folder" / "a.gif"
    with pytest.raises(
        ValueError,
        match=r"expected reconstructions .*\(4, 1, any, any\), got .*\(3, 1, 8, 8\)",
    ):
        save(path, recording, class_names, reconstructions=torch.zeros(3, 1, 8, 8))
    with pytest.raises(ValueError, match=r"expected maps .*\(4, 4\), got .*\(4, 9\)"):
        save(path, recording, class_names, maps=torch.zeros(4, 9))
    with pytest.raises(ValueError, match="expected the locations of a grid"):
        save(path, recording, class_names, locations=torch.zeros(4, 2))
    with pytest.raises(ValueError, match="expected images from 0 to 5, got 9"):
        save(path, recording, class_names, image=9)
    with pytest.raises(ValueError, match="expected 3 class names, got 1"):
        save(path, recording, ["cat"])
    assert not list(tmp_path.iterdir())
