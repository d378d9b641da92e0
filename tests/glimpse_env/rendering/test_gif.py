"""Episodes as animated pictures: GIFs, and Gymnasium's video recorder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from PIL import Image

from glimpse_env import save_gif


def digits(render_mode: str | None = "rgb_array", **arguments: Any) -> gym.Env[Any, Any]:
    return gym.make("GlimpseDigits-v0", render_mode=render_mode, **arguments)


@pytest.mark.parametrize("num_glimpses", [1, 3])
def test_one_frame_for_the_reset_and_each_step(tmp_path: Path, num_glimpses: int) -> None:
    path = save_gif(digits(num_glimpses=num_glimpses), tmp_path / "new" / "folder" / "episode.gif", seed=0)
    assert path == tmp_path / "new" / "folder" / "episode.gif"
    with Image.open(path) as image:
        assert image.format == "GIF"
        assert image.is_animated  # type: ignore[attr-defined]
        assert image.n_frames == num_glimpses + 1  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
        durations, frames = [], []
        for number in range(num_glimpses + 1):
            image.seek(number)
            durations.append(image.info["duration"])
            frames.append(np.asarray(image.convert("RGB")))
    assert durations == [500] * num_glimpses + [2000]
    assert {frame.shape for frame in frames} == {(528, 960, 3)}


def test_frames_are_the_episodes(tmp_path: Path) -> None:
    env = digits(num_glimpses=2)
    actions = iter(np.eye(12, dtype=np.float32)[:2])
    path = save_gif(env, tmp_path / "episode.gif", lambda observation: next(actions), seed=4, options={"index": 7})
    expected = [env.reset(seed=4, options={"index": 7}) and env.render()]
    for action in np.eye(12, dtype=np.float32)[:2]:
        env.step(action)
        expected.append(env.render())
    with Image.open(path) as image:
        for number, frame in enumerate(expected):
            image.seek(number)
            shown = np.asarray(image.convert("RGB")).astype(int)
            # A GIF has 256 colours.
            assert np.abs(shown - np.asarray(frame).astype(int)).mean() < 4


def test_the_seed_determines_the_file(tmp_path: Path) -> None:
    files = [
        save_gif(digits(num_glimpses=2), tmp_path / f"{number}.gif", seed=seed).read_bytes()
        for number, seed in enumerate([5, 5, 6])
    ]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_the_policy_sees_each_observation(tmp_path: Path) -> None:
    seen: list[Any] = []

    def policy(observation: Any) -> np.ndarray:
        seen.append(observation)
        return np.full(12, 0.5, np.float32)

    save_gif(digits(num_glimpses=3), str(tmp_path / "episode.gif"), policy, seed=0)
    assert [observation["glimpse"].shape for observation in seen] == [(1, 8, 8)] * 3
    assert [observation["location"].tolist() for observation in seen[1:]] == [[0.5, 0.5]] * 2


def test_any_file_name_will_do(tmp_path: Path) -> None:
    with Image.open(save_gif(digits(num_glimpses=1), tmp_path / "episode", seed=0)) as image:
        assert image.format == "GIF"


@pytest.mark.parametrize("render_mode", [None, "human"])
def test_an_environment_that_gives_no_images(tmp_path: Path, render_mode: str | None) -> None:
    with pytest.raises(ValueError, match='render_mode="rgb_array", got'):
        save_gif(digits(render_mode), tmp_path / "folder" / "episode.gif")
    assert not list(tmp_path.iterdir())


def test_an_episode_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        save_gif(digits(), tmp_path / "folder" / "episode.gif", options={"index": -1})
    assert not list(tmp_path.iterdir())


def test_videos_can_be_recorded(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    from imageio_ffmpeg import get_ffmpeg_exe

    env = RecordVideo(
        digits(num_glimpses=3), str(tmp_path / "videos"), episode_trigger=lambda episode: True, disable_logger=True
    )
    for _ in range(2):
        env.reset(seed=0)
        for _ in range(3):
            env.step(env.action_space.sample())
    env.close()
    videos = sorted(tmp_path.glob("videos/*.mp4"))
    assert len(videos) == 2
    probe = subprocess.run([get_ffmpeg_exe(), "-i", str(videos[0])], capture_output=True, text=True, check=False)
    assert "960x528" in probe.stderr
    assert "2 fps" in probe.stderr
