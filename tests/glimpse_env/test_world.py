"""The rules that single and vector environments share: canvases, their order, payments, and scenes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded

from glimpse_env import WorldConfig, load_dataset, register_dataset
from glimpse_env.data import counter_rng
from glimpse_env.retina import Retina
from glimpse_env.rewards import REWARDS, initial_potential
from glimpse_env.world import World

CPU = torch.device("cpu")


def register(name: str, height: int, width: int, channels: int = 1, num_classes: int = 3) -> None:
    def load(split: str, data_dir: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (6, height, width, channels), dtype=np.uint8)
        return images, np.arange(6) % num_classes, [f"class {label}" for label in range(num_classes)]

    register_dataset(name, load)


def make_world(num_envs: int = 1, seed: int = 0, **arguments: Any) -> World:
    world = World(WorldConfig(**{"dataset": "digits", **arguments}), num_envs, CPU)
    world.seed(np.array([counter_rng.make_key(seed + env) for env in range(num_envs)]))
    return world


def make_action(world: World, location: tuple[float, float] = (0.0, 0.0), logits: Sequence[float] = ()) -> torch.Tensor:
    action = torch.zeros(world.num_envs, 2 + world.dataset.num_classes)
    action[:, :2] = torch.tensor(location)
    action[:, 2 : 2 + len(logits)] = torch.tensor(logits)
    return action


def canvases_of(indices: Sequence[int], seed: int = 0, **arguments: Any) -> np.ndarray:
    world = make_world(len(indices), seed, split="test", canvas_size=40, **arguments)
    world.begin(torch.tensor(indices))
    return world.canvases.numpy()


def test_test_canvases_depend_on_the_index_alone() -> None:
    expected = canvases_of(range(360), num_distractors=4)
    shuffled = np.random.default_rng(1).permutation(360)
    assert (canvases_of(shuffled.tolist(), seed=77, num_distractors=4) == expected[shuffled]).all()
    world = make_world(2, seed=5, split="test", canvas_size=40, num_distractors=4)
    for pair in ([3, 3], [3, 200], [0, 359], [3, 0]):
        world.begin(torch.tensor(pair))
        assert (world.canvases.numpy() == expected[pair]).all()


def test_test_canvases_in_the_order_of_the_permutation() -> None:
    expected = canvases_of(range(360), num_distractors=4)
    world = make_world(3, seed=11, split="test", canvas_size=40, num_distractors=4)
    for _ in range(5):
        world.begin()
        assert (world.canvases.numpy() == expected[world.indices.numpy()]).all()


def test_test_canvases_are_the_same_in_every_process() -> None:
    code = (
        "import hashlib, numpy as np, torch\n"
        "from glimpse_env import WorldConfig\n"
        "from glimpse_env.data import counter_rng\n"
        "from glimpse_env.world import World\n"
        "config = WorldConfig('digits', 'test', canvas_size=40, num_distractors=4)\n"
        "world = World(config, 360, torch.device('cpu'))\n"
        "world.seed(counter_rng.random_keys(np.random.default_rng(), 360))\n"
        "world.begin(torch.arange(360))\n"
        "print(hashlib.sha256(world.canvases.numpy().tobytes()).hexdigest())\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = hashlib.sha256(canvases_of(range(360), num_distractors=4).tobytes()).hexdigest()
    assert result.stdout.strip() == expected, result.stderr


def test_test_canvases_differ_from_each_other() -> None:
    register("one digit", 28, 28)
    world = make_world(6, dataset="one digit", split="test", canvas_size=60)
    world.begin(torch.arange(6))
    corners = {tuple(np.argwhere(canvas[0] > 0).min(0)) for canvas in world.canvases.numpy()}
    assert len(corners) > 3


def test_training_canvases_are_fresh_in_each_episode() -> None:
    for num_distractors in (0, 4):
        world = make_world(canvas_size=60, num_distractors=num_distractors)
        seen = set()
        for _ in range(20):
            world.begin(torch.tensor([7]))
            seen.add(world.canvases.numpy().tobytes())
        assert len(seen) > 15


def test_training_canvases_follow_the_seed() -> None:
    one, other, another = (make_world(seed=seed, canvas_size=60, num_distractors=4) for seed in (1, 1, 2))
    for _ in range(3):
        for world in (one, other, another):
            world.begin(torch.tensor([7]))
        assert torch.equal(one.canvases, other.canvases)
        assert not torch.equal(one.canvases, another.canvases)


def test_a_translated_canvas_holds_the_whole_image_and_nothing_else() -> None:
    images = load_dataset("digits").images.numpy()
    world = make_world(50, canvas_size=45)
    world.begin()
    for canvas, index in zip(world.canvases.numpy(), world.indices.tolist(), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(canvas[0], (28, 28))
        assert (windows == images[index, 0]).all((2, 3)).any()
        assert canvas.sum(dtype=int) == images[index].sum(dtype=int)


def test_the_corners_of_test_images_are_where_they_lie_on_their_canvases() -> None:
    images = load_dataset("digits", "test").images
    height, width = images.shape[-2:]
    world = make_world(20, split="test", canvas_size=60, num_distractors=0)
    indices = torch.arange(20)
    world.begin(indices)
    for index, (left, top) in enumerate(world.test_image_corners(indices).tolist()):
        found = world.canvases[index, 0, top : top + height, left : left + width]
        np.testing.assert_array_equal(found, images[index, 0])
    assert not make_world(2, split="test").test_image_corners(indices).any()
    with pytest.raises(ValueError, match="expected a world on the test split, got one on 'train'"):
        make_world(2, canvas_size=60).test_image_corners(indices)


def test_a_plain_canvas_is_the_image() -> None:
    for split in ("train", "test"):
        world = make_world(4, split=split)
        world.begin(torch.tensor([0, 5, 5, 100]))
        assert torch.equal(world.canvases, load_dataset("digits", split).images[[0, 5, 5, 100]])


def test_a_canvas_of_the_images_own_size() -> None:
    world = make_world(4, canvas_size=28)
    world.begin(torch.arange(4))
    assert torch.equal(world.canvases, load_dataset("digits").images[:4])


@pytest.mark.parametrize(
    ("height", "width", "arguments", "message"),
    [
        (28, 28, {"canvas_size": 27}, "canvas_size.*28.*27"),
        (10, 30, {"canvas_size": 29}, "canvas_size.*30.*29"),
        (30, 10, {"canvas_size": 29}, "canvas_size.*30.*29"),
        (7, 20, {"canvas_size": 40, "num_distractors": 1}, "8x8.*7x20"),
        (20, 7, {"canvas_size": 40, "num_distractors": 1}, "8x8.*20x7"),
    ],
)
def test_canvases_that_the_images_do_not_allow(
    height: int, width: int, arguments: dict[str, Any], message: str
) -> None:
    register("sized", height, width)
    with pytest.raises(ValueError, match=message):
        make_world(dataset="sized", **arguments)


@pytest.mark.parametrize(
    ("height", "width", "arguments"),
    [
        (7, 7, {"canvas_size": 7}),
        (8, 8, {"canvas_size": 8, "num_distractors": 3}),
        (8, 30, {"canvas_size": 30, "num_distractors": 3}),
        (3, 2, {"glimpse_size": 9, "num_scales": 3}),
        (1, 1, {}),
    ],
)
def test_on_the_smallest_canvases_observations_are_glimpses_of_the_canvas(
    height: int, width: int, arguments: dict[str, Any]
) -> None:
    register("sized", height, width)
    world = make_world(3, dataset="sized", **arguments)
    observation = world.begin()
    for _ in range(world.config.num_glimpses):
        expected = world.retina.glimpses(world.retina.pool(world.canvases), observation["location"])
        assert torch.equal(observation["glimpse"], expected)
        observation = world.advance(make_action(world, (1.0, -1.0)))
        assert observation["location"].tolist() == ([[1, -1]] * 3 if len(world.path) > 1 else world.path[0].tolist())
    assert world.done


@pytest.mark.parametrize(
    ("num_envs", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (None, TypeError)]
)
def test_numbers_of_sub_environments_that_make_no_sense(num_envs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="num_envs"):
        World(WorldConfig("digits"), num_envs, CPU)


def test_reading_indices() -> None:
    world = make_world(2)
    for index in ([4, 5], (4, 5), np.array([4, 5], np.uint8), torch.tensor([4, 5], dtype=torch.int32)):
        assert world.read_index(index).tolist() == [4, 5]
    for index, error in [
        ([4.0, 5.0], TypeError),
        ([True, False], TypeError),
        (None, TypeError),
        ([4], ValueError),
        ([[4, 5]], ValueError),
        ([4, 1437], IndexError),
        ([-1, 4], IndexError),
        (np.array([0, 2**64 - 1], np.uint64), IndexError),
    ]:
        with pytest.raises(error):
            world.read_index(index)


def test_readiness() -> None:
    world = make_world(num_glimpses=1)
    with pytest.raises(ResetNeeded, match=r"before reset\(\)"):
        world.check_ready()
    with pytest.raises(ResetNeeded, match=r"before reset\(\)"):
        world.scene(0)
    world.begin()
    world.check_ready()
    world.advance(make_action(world))
    assert world.done
    with pytest.raises(ResetNeeded, match="ended with step 1"):
        world.check_ready()


def test_a_world_that_was_seeded_anew_begins_anew() -> None:
    world = make_world(3, canvas_size=40)
    keys = np.array([counter_rng.make_key(env) for env in range(3)])
    first = [world.begin() for _ in range(4)]
    world.seed(keys)
    again = [world.begin() for _ in range(4)]
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_scene_of_each_moment() -> None:
    register("colours", 20, 30, channels=3)
    world = make_world(2, dataset="colours", num_glimpses=3, glimpse_size=5, num_scales=2)
    observation = world.begin(torch.tensor([1, 5]))
    scenes, observations = [world.scene(1)], [observation]
    for step, location in enumerate([(0.5, -1.0), (-0.25, 0.25), (0.75, 0.75)]):
        observations.append(world.advance(make_action(world, location, [0.0, step + 1.0])))
        scenes.append(world.scene(1))

    for scene, observation in zip(scenes, observations, strict=True):
        assert np.array_equal(scene.canvas, load_dataset("colours").images[5].numpy())
        assert np.array_equal(scene.glimpse, observation["glimpse"][1].numpy())
        assert scene.class_names == ("class 0", "class 1", "class 2")
        assert (scene.retina, scene.num_glimpses) == (Retina(5, 2), 3)
    first = observations[0]["location"][1].tolist()
    path = [first, [0.5, -1.0], [-0.25, 0.25]]
    assert [scene.locations.tolist() for scene in scenes] == [path[:1], path[:2], path, path]
    assert [scene.label for scene in scenes] == [None, None, None, 2]
    np.testing.assert_allclose(scenes[0].belief, [1 / 3] * 3, rtol=1e-6)
    for step, scene in enumerate(scenes[1:], start=1):
        np.testing.assert_allclose(scene.belief, np.exp([0, step, 0]) / np.exp([0, step, 0]).sum(), rtol=1e-6)


def test_the_next_episode_begins_with_no_belief_and_no_path() -> None:
    world = make_world(num_glimpses=1)
    world.begin()
    world.advance(make_action(world, logits=[9.0]))
    location = world.begin()["location"]
    scene = world.scene(0)
    np.testing.assert_allclose(scene.belief, [0.1] * 10, rtol=1e-6)
    assert scene.locations.tolist() == location.tolist()
    assert scene.label is None


def test_a_world_pays_what_its_reward_computes() -> None:
    world, beliefs = make_world(4, num_glimpses=3), [[3.0, -1.0], [0.0, 2.0], [-2.0, 1.0, 5.0]]
    world.reward = REWARDS["information"]
    for _ in range(2):
        world.begin()
        potential = initial_potential(4, 10)
        for step, logits in enumerate(beliefs, start=1):
            action = make_action(world, logits=logits)
            expected, potential = world.reward(action[:, 2:], world.labels, potential, ended=step == 3)
            world.advance(action)
            assert torch.equal(world.payments, expected)  # type: ignore[arg-type]
            assert torch.equal(world.potential, potential)


def test_a_world_without_a_reward_pays_nothing() -> None:
    world = make_world(2, num_glimpses=1)
    world.begin()
    world.advance(make_action(world))
    assert world.payments is None


def test_asking_what_other_beliefs_would_earn_changes_nothing() -> None:
    asked, other = make_world(3, num_glimpses=3), make_world(3, num_glimpses=3)
    branches = torch.randn(5, 3, 10, generator=torch.Generator().manual_seed(0))
    for world in (asked, other):
        world.reward = REWARDS["entropy"]
        world.begin()
    assert asked.reward is not None
    for step in range(3):
        for logits in branches:
            asked.reward(logits, asked.labels, asked.potential, ended=step == 2)
        for world in (asked, other):
            world.advance(make_action(world, logits=[float(step)]))
        assert torch.equal(asked.payments, other.payments)  # type: ignore[arg-type]


def test_looking_at_other_locations_shows_what_going_there_would_and_changes_nothing() -> None:
    others = torch.tensor([[[0.3, -0.4], [2.0, 0.0]], [[-1.0, 1.0], [0.1, 0.1]], [[0.0, 0.0], [-3.0, 3.0]]])
    arguments = {"canvas_size": 40, "num_distractors": 4}
    for number in range(2):
        world, undisturbed = (make_world(3, **arguments) for _ in range(2))
        world.begin()
        undisturbed.begin()
        seen = world.look_at(others)
        assert len(world.path) == 1
        assert world.num_steps == 0
        actions = make_action(world)
        actions[:, :2] = others[:, number].clamp(-1, 1)  # as `read_action` clips them
        there, expected = world.advance(actions), undisturbed.advance(actions)
        for key in expected:
            assert torch.equal(there[key], expected[key])
            assert torch.equal(seen[key][:, number], expected[key])


def test_several_episodes_of_one_image_share_the_canvas_but_not_the_first_location() -> None:
    config = WorldConfig("digits", canvas_size=40, num_distractors=4)
    world = World(config, 6, CPU, episodes_per_image=3)
    world.seed(np.array([counter_rng.make_key(env) for env in range(6)]))
    for _ in range(3):
        location = world.begin()["location"]
        assert torch.equal(world.canvases[0], world.canvases[2])
        assert torch.equal(world.canvases[3], world.canvases[5])
        assert not torch.equal(world.canvases[0], world.canvases[3])
        assert len(location.unique(dim=0)) == 6


@pytest.mark.parametrize(("episodes_per_image", "error"), [(4, ValueError), (0, ValueError), (1.5, TypeError)])
def test_episodes_per_image_must_divide_the_sub_environments(episodes_per_image: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="episodes_per_image"):
        World(WorldConfig("digits"), 6, CPU, episodes_per_image)


@pytest.mark.parametrize(("context_size", "block"), [(4, 7), (14, 2), (28, 1)])
def test_the_context_shows_the_means_of_the_whole_canvas(context_size: int, block: int) -> None:
    world = make_world(3, context_size=context_size)
    observation = world.begin()
    pixels = world.canvases.float().numpy() / 255
    expected = pixels.reshape(3, 1, context_size, block, context_size, block).mean((3, 5))
    np.testing.assert_allclose(observation["context"].numpy(), expected, atol=1e-6)
    assert torch.equal(world.advance(make_action(world, (0.5, 0.5)))["context"], observation["context"])
    for env in range(3):
        assert world.observation_space.contains({key: value[env].numpy() for key, value in observation.items()})


def test_without_a_context_size_nothing_of_the_whole_canvas_is_shown() -> None:
    world = make_world()
    assert set(world.begin()) == set(world.observation_space.keys()) == {"glimpse", "location"}


@pytest.mark.parametrize(("side", "block"), [(4, 7), (14, 2), (28, 1)])
def test_canvases_can_be_pooled(side: int, block: int) -> None:
    world = make_world(3)
    world.begin()
    pixels = world.canvases.float().numpy() / 255
    expected = pixels.reshape(3, 1, side, block, side, block).mean((3, 5))
    np.testing.assert_allclose(world.pooled_canvases(side).numpy(), expected, atol=1e-6)


def test_a_context_larger_than_the_canvas_is_an_error() -> None:
    with pytest.raises(ValueError, match="at most the canvas's side, 40, got 41"):
        make_world(canvas_size=40, context_size=41)
