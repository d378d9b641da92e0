"""Recordings: every image once, what the agent really knew, and files that come back whole or not at all."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import VectorEnv

from agents import REINFORCE
from explain import InvalidRecordingError, Recording, record
from explain.recording import FIELDS, RECORDINGS
from glimpse_env.data.datasets import load_dataset
from glimpse_env.retina import Retina
from tests.archives import unpack

PLAIN, CLUTTERED = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"
D, C = 5, 10


class TinyAgent:
    """Mixes each glimpse into its state with fixed weights, and keeps a diary of what it was asked."""

    def __init__(self, pixels: int = 64, has_state: bool = True) -> None:
        rng = np.random.default_rng(0)
        self.memory = rng.normal(size=(D, D)).astype(np.float32)
        self.eyes = rng.normal(size=(pixels + 2, D)).astype(np.float32) / 4
        self.mouth = rng.normal(size=(D, 2 + C)).astype(np.float32)
        self.has_state = has_state
        self.diary: list[dict[str, Any]] = []

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        self.diary.append(
            {
                "glimpse": observation["glimpse"].copy(),
                "location": observation["location"].copy(),
                "state": state,
                "episode_start": episode_start.copy(),
                "deterministic": deterministic,
            }
        )
        seen = np.concatenate([observation["glimpse"].reshape(len(episode_start), -1), observation["location"]], axis=1)
        state = np.tanh(seen @ self.eyes + (0 if state is None else state @ self.memory))
        self.diary[-1]["next"] = state
        actions = state @ self.mouth
        self.diary[-1]["actions"] = actions
        return actions, state if self.has_state else None

    def told(self, name: str, count: int) -> np.ndarray:
        """What the diary says under a name, `(count, 6, ...)`, image by image."""
        steps = [entry[name] for entry in self.diary]
        batches = [np.stack(steps[start : start + 6], axis=1) for start in range(0, len(steps), 6)]
        return np.concatenate(batches)[:count]


def make_env(num_envs: int = 4, env_id: str = PLAIN, split: str = "test", **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", split=split, **arguments)


def equal(one: Recording, other: Recording) -> None:
    assert one.retina == other.retina
    for name in FIELDS:
        mine, others = getattr(one, name), getattr(other, name)
        assert mine.dtype == others.dtype, name
        assert torch.equal(mine, others), name


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(TinyAgent(), make_env(), 6)


@pytest.fixture
def path(recording: Recording, tmp_path: Path) -> Path:
    recording.save(tmp_path / "recording.zip")
    return tmp_path / "recording.zip"


@pytest.mark.parametrize(("env_id", "side"), [(PLAIN, 28), (CLUTTERED, 40)])
def test_shapes_and_types(env_id: str, side: int) -> None:
    recording = record(TinyAgent(), make_env(env_id=env_id), 6)
    expected = {
        "hidden": ((6, 6, D), torch.float32),
        "beliefs": ((6, 6, C), torch.float32),
        "locations": ((6, 6, 2), torch.float32),
        "labels": ((6,), torch.int64),
        "indices": ((6,), torch.int64),
        "canvases": ((6, 1, side, side), torch.uint8),
        "originals": ((6, 1, 28, 28), torch.uint8),
    }
    for name, (shape, dtype) in expected.items():
        assert getattr(recording, name).shape == shape
        assert getattr(recording, name).dtype == dtype
    assert recording.retina == Retina(8, 1)
    assert len(recording) == 6


@pytest.mark.parametrize(("count", "num_envs"), [(1, 4), (4, 4), (7, 4), (8, 4), (5, 1), (3, 8)])
def test_every_image_once_and_in_order(count: int, num_envs: int) -> None:
    recording = record(TinyAgent(), make_env(num_envs), count)
    assert recording.indices.tolist() == list(range(count))
    digits = load_dataset("digits", "test")
    np.testing.assert_array_equal(recording.labels, digits.labels[:count].numpy())


def test_by_default_the_whole_split_is_recorded() -> None:
    recording = record(TinyAgent(), make_env(100))
    digits = load_dataset("digits", "test")
    assert recording.indices.tolist() == list(range(len(digits.images)))
    np.testing.assert_array_equal(recording.labels, digits.labels.numpy())
    np.testing.assert_array_equal(recording.originals, digits.images.numpy())


def test_states_beliefs_and_locations_are_those_of_each_step() -> None:
    agent = TinyAgent()
    recording = record(agent, make_env(4), 7)
    np.testing.assert_array_equal(recording.hidden, agent.told("next", 7))
    np.testing.assert_array_equal(recording.locations, agent.told("location", 7))
    scores = torch.from_numpy(agent.told("actions", 7)[..., 2:])
    np.testing.assert_allclose(recording.beliefs, scores.softmax(-1).numpy(), rtol=1e-5, atol=1e-7)
    chosen = agent.told("actions", 7)[:, :-1, :2].clip(-1, 1)
    np.testing.assert_array_equal(recording.locations[:, 1:], chosen)


@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_the_canvases_are_what_was_looked_at(env_id: str) -> None:
    agent = TinyAgent()
    recording = record(agent, make_env(env_id=env_id), 7)
    tables = recording.retina.pool(recording.canvases)
    for step in range(6):
        seen = recording.retina.glimpses(tables, recording.locations[:, step])
        np.testing.assert_array_equal(seen.numpy(), agent.told("glimpse", 7)[:, step])


def test_on_a_plain_canvas_the_original_is_the_canvas(recording: Recording) -> None:
    np.testing.assert_array_equal(recording.canvases, recording.originals)
    np.testing.assert_array_equal(recording.originals, load_dataset("digits", "test").images[:6].numpy())


def test_cluttered_canvases_are_those_of_the_test_split_and_originals_are_clean() -> None:
    recording = record(TinyAgent(), make_env(env_id=CLUTTERED), 6)
    np.testing.assert_array_equal(recording.originals, load_dataset("digits", "test").images[:6].numpy())
    env = gym.make(CLUTTERED, split="test")
    for image in range(6):
        env.reset(seed=99, options={"index": image})
        world: Any = env.unwrapped
        np.testing.assert_array_equal(recording.canvases[image], world.world.canvases[0].numpy())


def test_chance_is_left_out_and_only_the_first_glimpse_starts_an_episode() -> None:
    agent = TinyAgent()
    record(agent, make_env(4), 6)
    assert len(agent.diary) == 2 * 6
    for number, entry in enumerate(agent.diary):
        assert entry["deterministic"] is True
        assert entry["episode_start"].dtype == bool
        assert entry["episode_start"].tolist() == [number % 6 == 0] * 4
        assert (entry["state"] is None) == (number % 6 == 0)


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_the_size_of_the_batch_makes_no_difference(env_id: str, split: str) -> None:
    one, other = (record(TinyAgent(), make_env(size, env_id, split), 33) for size in (7, 32))
    for name in FIELDS:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-4, atol=1e-5)


def test_the_seed_decides_where_the_first_look_goes() -> None:
    one, again, other = (record(TinyAgent(), make_env(), 6, seed=seed) for seed in (0, 0, 100))
    equal(one, again)
    assert not np.isclose(one.locations[:, 0], other.locations[:, 0]).any()
    assert len(np.unique(one.locations[:, 0], axis=0)) == 6


@pytest.mark.parametrize(
    "images", [slice(2), slice(1, 4), slice(None), slice(None, None, 2), slice(-2, None), slice(100)]
)
def test_a_recording_of_some_of_the_images(recording: Recording, images: slice) -> None:
    some, chosen = recording[images], range(6)[images]
    assert len(some) == len(chosen)
    assert some.retina == recording.retina
    for name in FIELDS:
        assert torch.equal(getattr(some, name), getattr(recording, name)[list(chosen)]), name
    assert some.indices.tolist() == list(chosen)


@pytest.mark.parametrize(("env_id", "canvas_is_original"), [(PLAIN, True), (CLUTTERED, False)])
def test_only_clutter_makes_the_canvas_another_image_than_the_original(env_id: str, canvas_is_original: bool) -> None:
    recording = record(TinyAgent(), make_env(env_id=env_id), 3)
    assert recording.canvas_is_original() is canvas_is_original
    changed = recording.canvases.clone()
    changed[1, 0, 5, 5] ^= 1
    assert not replace(recording, canvases=changed).canvas_is_original()


def test_slices_share_memory_and_their_files_hold_nothing_else(recording: Recording, tmp_path: Path) -> None:
    some = recording[2:4]
    assert some.hidden.data_ptr() == recording.hidden[2].data_ptr()
    recording.save(tmp_path / "all.zip")
    some.save(tmp_path / "some.zip")
    equal(Recording.load(tmp_path / "some.zip"), some)
    assert (tmp_path / "some.zip").stat().st_size < 0.6 * (tmp_path / "all.zip").stat().st_size


def test_a_recording_goes_to_a_device_as_a_whole(recording: Recording) -> None:
    elsewhere = recording.to("meta")  # a device without numbers
    assert elsewhere.device == torch.device("meta")
    assert {getattr(elsewhere, name).device for name in FIELDS} == {torch.device("meta")}
    equal(recording.to("cpu"), recording)
    with pytest.raises(ValueError, match=r"expected all tensors of a recording on one device, got \['cpu', 'meta'\]"):
        replace(recording, labels=elsewhere.labels)


def test_an_agent_without_a_state_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an agent with a state"):
        record(TinyAgent(has_state=False), make_env(), 4)


@pytest.mark.parametrize("count", [0, -1, 361])
def test_more_images_than_there_are_or_none_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"expected num_images to be at (least 1|most 360), got {count}"):
        record(TinyAgent(), make_env(), count)


def test_another_environment_is_refused() -> None:
    envs = gym.make_vec(PLAIN, num_envs=2, vectorization_mode="sync")
    with pytest.raises(ValueError, match="expected a native vector environment"):
        record(TinyAgent(), envs, 2)


def test_a_recording_survives_its_file(recording: Recording, path: Path) -> None:
    loaded = Recording.load(path)
    equal(recording, loaded)
    equal(loaded, Recording.load(str(path)))


def test_saving_makes_folders_and_leaves_nothing_else(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "recording.zip"
    recording.save(path)
    recording.save(path)
    assert list(path.parent.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def refused(path: Path, match: str | None = None) -> None:
    with pytest.raises(InvalidRecordingError, match=match) as caught:
        Recording.load(path)
    assert str(path) in str(caught.value)


def rewrite(path: Path, **parts: Any) -> None:
    """Writes the file anew with other parts; None leaves one out."""
    numbers, tensors = unpack(path)
    for name, part in parts.items():
        where = numbers if name in ("glimpse_size", "num_scales") else tensors
        if part is None:
            del where[name]
        else:
            where[name] = part
    RECORDINGS.write(path, numbers, tensors)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(FileNotFoundError, match="expected a saved recording at"):
            Recording.load(path)


def test_a_damaged_file_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "truncated")
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    refused(path)


def test_an_agent_is_no_recording(path: Path) -> None:
    REINFORCE(PLAIN, num_envs=2, seed=0, device="cpu").save(path)
    refused(path, r"expected recording\.json and tensors\.pt")


@pytest.mark.parametrize("name", [*FIELDS, "glimpse_size", "num_scales"])
def test_a_file_that_lacks_a_part_is_refused(path: Path, name: str) -> None:
    rewrite(path, **{name: None})
    refused(path, f"it lacks '{name}'")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", np.zeros((5, 6, D), np.float32)),
        ("hidden", np.zeros((6, 6), np.float32)),
        ("hidden", np.zeros((6, 6, D), np.float64)),
        ("hidden", np.zeros((), np.float32)),
        ("beliefs", np.zeros((6, 5, C), np.float32)),
        ("beliefs", np.zeros((6, 6, C), np.int64)),
        ("locations", np.zeros((6, 6, 3), np.float32)),
        ("labels", np.zeros(5, np.int64)),
        ("labels", np.zeros((6, 1), np.int64)),
        ("labels", np.zeros(6, np.float32)),
        ("canvases", np.zeros((6, 28, 28), np.uint8)),
        ("canvases", np.zeros((6, 1, 28, 28), np.float32)),
        ("originals", np.zeros((7, 1, 28, 28), np.uint8)),
        ("hidden", np.full((6, 6, D), np.nan, np.float32)),
        ("hidden", np.full((6, 6, D), np.inf, np.float32)),
        ("beliefs", np.full((6, 6, C), np.nan, np.float32)),
        ("beliefs", np.full((6, 6, C), 0.9, np.float32)),
        ("beliefs", np.full((6, 6, C), -0.1, np.float32)),
        ("locations", np.full((6, 6, 2), 1.5, np.float32)),
        ("locations", np.full((6, 6, 2), np.nan, np.float32)),
        ("labels", np.full(6, 10**6)),
        ("labels", np.full(6, C)),
        ("labels", np.full(6, -1)),
        ("indices", np.full(6, -1)),
        ("canvases", np.zeros((6, 1, 0, 28), np.uint8)),
        ("glimpse_size", [8, 8]),
        ("glimpse_size", -5),
        ("glimpse_size", 0),
        ("glimpse_size", 8.0),
        ("glimpse_size", True),
        ("glimpse_size", 10**9),
        ("num_scales", "many"),
        ("num_scales", 10**9),
        ("num_scales", float("nan")),
        ("another", torch.zeros(1)),
    ],
)
def test_parts_of_another_form_are_refused(path: Path, name: str, value: Any) -> None:
    rewrite(path, **{name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value})
    refused(path, "expected")


def test_numbers_of_double_precision_are_kept_in_single() -> None:
    class Precise(TinyAgent):
        def predict(self, *arguments: Any, **keywords: Any) -> tuple[Any, Any]:
            actions, state = super().predict(*arguments, **keywords)
            return actions.astype(np.float64), state.astype(np.float64)

    one, other = (record(agent, make_env(), 4) for agent in (TinyAgent(), Precise()))
    assert other.hidden.dtype == other.beliefs.dtype == torch.float32
    np.testing.assert_allclose(one.hidden, other.hidden, rtol=1e-4, atol=1e-6)
