"""The single environment: what an episode is, what it tells, and what it refuses."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3.common.env_checker
from gymnasium.error import ResetNeeded
from gymnasium.utils import env_checker

import glimpse_env
from glimpse_env import DatasetError, load_dataset, register_dataset
from glimpse_env.data import datasets

GYMNASIUM_ADVICE = (
    "For Box action spaces, we recommend using a symmetric and normalized space",  # logits go up to 20
    "is different from the unwrapped version",  # the reward is a wrapper
)
STABLE_BASELINES_ADVICE = (
    # A glimpse has the shape of an image, but is none for its CNN policy.
    "It seems that your observation glimpse is an image but its `dtype` is (float32)",
    "It seems that your observation space glimpse is an image but the upper and lower bounds are not in [0, 255]",
    "The minimal resolution for an image is 36x36",
    "We recommend you to use a symmetric and normalized Box action space",
)
NUM_CLASSES = 10


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_loaders", dict(datasets._loaders))
    monkeypatch.setattr(datasets, "_held", dict(datasets._held))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


@pytest.fixture
def colours() -> str:
    """A data set of 32x32 RGB images with three classes."""

    def load(split: str, data_dir: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
        rng = np.random.default_rng(len(split))
        return rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8), np.arange(7) % 3, ["red", "green", "blue"]

    register_dataset("colours", load)
    return "colours"


def digits(**arguments: Any) -> gym.Env[Any, Any]:
    return gym.make("GlimpseDigits-v0", **arguments)


def play(env: gym.Env[Any, Any], actions: np.ndarray, **reset: Any) -> list[Any]:
    """All that an episode gives away."""
    return [env.reset(**reset), *(env.step(action) for action in actions)]


def sample(env: gym.Env[Any, Any], count: int, seed: int = 0) -> np.ndarray:
    env.action_space.seed(seed)
    return np.stack([env.action_space.sample() for _ in range(count)])


def answer(label: int, location: tuple[float, float] = (0.0, 0.0), num_classes: int = NUM_CLASSES) -> np.ndarray:
    action = np.zeros(2 + num_classes, np.float32)
    action[:2] = location
    action[2 + label] = 20
    return action


def assert_same(one: Any, other: Any) -> None:
    np.testing.assert_equal(one, other)


def glimpse_at(canvas: np.ndarray, location: np.ndarray, size: int) -> np.ndarray:
    """The finest patch at a location, by the definition: centred there, background outside."""
    height, width = canvas.shape
    patch = np.zeros((size, size), np.float32)
    left = int(np.floor((location[0] + 1) * width / 2 - size / 2 + 0.5))
    top = int(np.floor((location[1] + 1) * height / 2 - size / 2 + 0.5))
    for row in range(size):
        for column in range(size):
            if 0 <= top + row < height and 0 <= left + column < width:
                patch[row, column] = canvas[top + row, left + column] / 255
    return patch


def unexpected_warnings(check: Callable[..., None], env: gym.Env[Any, Any], advice: tuple[str, ...]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(env)
    messages = [str(warning.message) for warning in caught]
    return [message for message in messages if not any(known in message for known in advice)]


def assert_passes_checkers(env: gym.Env[Any, Any]) -> None:
    assert not unexpected_warnings(env_checker.check_env, env, GYMNASIUM_ADVICE)
    check = stable_baselines3.common.env_checker.check_env
    assert not unexpected_warnings(check, env, STABLE_BASELINES_ADVICE)


@pytest.mark.parametrize("env_id", glimpse_env.IDS)
def test_every_id_passes_the_checkers(env_id: str, request: pytest.FixtureRequest, no_network: None) -> None:
    dataset = glimpse_env.IDS[env_id].get("dataset", "mnist")
    if dataset == "mnist":
        request.getfixturevalue("mnist_dir")
    try:
        load_dataset(dataset)
    except DatasetError as error:
        if "lacks" not in str(error):
            raise
        pytest.skip(f"needs data: {error}")
    env = gym.make(env_id)
    assert_passes_checkers(env)
    assert_passes_checkers(gym.make(env_id, reward=None).unwrapped)


@pytest.mark.parametrize(
    "arguments",
    [
        {"dataset": "digits", "reward": "entropy"},
        {"dataset": "digits", "reward": "information", "split": "test"},
        {"dataset": "digits", "num_glimpses": 1, "glimpse_size": 5, "initial_location": (0, 0)},
        {"dataset": "colours", "num_glimpses": 8, "num_scales": 2},
        {"dataset": "colours", "canvas_size": 40, "num_distractors": 2, "render_mode": "rgb_array"},
    ],
)
def test_arguments_and_own_data_pass_the_checkers(arguments: dict[str, Any], colours: str) -> None:
    assert_passes_checkers(gym.make("Glimpse-v0", **arguments))


def test_own_rgb_data_set(colours: str) -> None:
    env = gym.make("Glimpse-v0", dataset=colours, num_scales=2, num_glimpses=2, render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation["glimpse"].shape == (6, 8, 8)
    assert env.action_space.shape == (2 + 3,)
    for _ in range(2):
        observation, _, terminated, _, info = env.step(env.action_space.sample())
    assert terminated
    assert 0 <= info["label"] < 3
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert frame.dtype == np.uint8


def test_gym_make_imports_the_package() -> None:
    code = (
        "import sys, gymnasium as gym\n"
        "assert 'glimpse_env' not in sys.modules\n"
        "env = gym.make('glimpse_env:GlimpseDigits-v0')\n"
        "print(env.reset(seed=0)[0]['glimpse'].shape)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "(1, 8, 8)\n", result.stderr


def test_seed_determines_everything() -> None:
    first, second = digits(), digits()
    actions = sample(first, 6)
    for kwargs in ({"seed": 3}, {}, {}):
        assert_same(play(first, actions, **kwargs), play(second, actions, **kwargs))
    assert_same(play(first, actions, seed=3), play(second, actions, seed=3))


def test_unseeded_environments_differ() -> None:
    walks = [[env.reset()[1]["index"] for _ in range(8)] for env in (digits(), digits())]
    assert walks[0] != walks[1]


def test_seed_of_zero_to_three_give_different_episodes() -> None:
    env = digits()
    walks = {tuple(env.reset(seed=seed if step == 0 else None)[1]["index"] for step in range(8)) for seed in range(4)}
    assert len(walks) == 4


def test_index_sweep_visits_every_test_image_once() -> None:
    env = digits(split="test", num_glimpses=1)
    data = load_dataset("digits", "test")
    visited, labels = [], []
    for index in range(360):
        visited.append(env.reset(options={"index": index})[1]["index"])
        labels.append(env.step(answer(0))[4]["label"])
    assert visited == list(range(360))
    assert labels == data.labels.tolist()
    with pytest.raises(IndexError, match=r"\[0, 360\).*'digits'.*360"):
        env.reset(options={"index": 360})


def test_index_shows_that_image() -> None:
    env = digits(split="test", initial_location=(0, 0))
    images = load_dataset("digits", "test").images.numpy()
    for index in (0, 17, 359):
        observation, _ = env.reset(options={"index": index})
        assert_same(observation["glimpse"][0], glimpse_at(images[index, 0], observation["location"], 8))


def test_chosen_images_do_not_need_a_seed_and_keep_the_permutation_fresh() -> None:
    env = digits()
    assert env.reset(options={"index": np.int64(5)})[1] == {"index": 5}
    assert env.reset(seed=1, options={"index": 6})[1] == {"index": 6}
    assert type(env.reset()[1]["index"]) is int


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_epoch_is_a_fresh_permutation(split: str) -> None:
    env = digits(split=split).unwrapped
    size = len(load_dataset("digits", split).images)
    walk = [env.reset(seed=9)[1]["index"]] + [env.reset()[1]["index"] for _ in range(2 * size - 1)]
    epochs = walk[:size], walk[size:]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(size))
    assert epochs[0] != epochs[1]
    assert epochs[0] != sorted(epochs[0])


@pytest.mark.parametrize("episode", [0, 1, 5, 5000])
def test_going_on_at_an_episode(episode: int) -> None:
    env, resumed = digits(num_glimpses=1).unwrapped, digits(num_glimpses=1).unwrapped
    walk = [env.reset(seed=3)] + [env.reset() for _ in range(episode + 2)]
    got = [resumed.reset(seed=3, options={"episode": episode}), resumed.reset(), resumed.reset()]
    assert_same(got, walk[episode:])
    assert_same(resumed.reset(options={"episode": episode}), walk[episode])


def test_an_episode_ends_after_exactly_t_actions() -> None:
    env = digits(num_glimpses=4)
    episode = play(env, sample(env, 4), seed=0)
    assert [step[2] for step in episode[1:]] == [False, False, False, True]
    assert [step[3] for step in episode[1:]] == [False] * 4
    assert [sorted(step[4]) for step in episode[1:]] == [[], [], [], ["is_success", "label", "prediction"]]
    assert sorted(episode[0][1]) == ["index"]


def test_info_at_the_end() -> None:
    env = digits()
    labels = load_dataset("digits").labels
    index = env.reset(seed=0)[1]["index"]
    for guess in (int(labels[index]), (int(labels[index]) + 1) % 10):
        info = play(env, np.stack([answer(guess)] * 6), options={"index": index})[-1][4]
        assert info == {"label": int(labels[index]), "prediction": guess, "is_success": guess == labels[index]}
        assert [type(info[key]) for key in ("label", "prediction", "is_success")] == [int, int, bool]


def test_the_bare_environment_pays_nothing() -> None:
    env = digits(reward=None)
    label = int(load_dataset("digits").labels[3])
    episode = play(env, np.stack([answer(label)] * 6), options={"index": 3})
    assert [step[1] for step in episode[1:]] == [0.0] * 6
    assert env is not env.unwrapped  # gymnasium's passive checker
    assert isinstance(env.unwrapped, glimpse_env.GlimpseEnv)


def test_glimpses_follow_the_actions() -> None:
    env = digits(split="test")
    image = load_dataset("digits", "test").images[8, 0].numpy()
    actions = sample(env, 6)
    episode = play(env, actions, options={"index": 8}, seed=0)
    for action, step in zip(actions[:-1], episode[1:], strict=False):
        assert_same(step[0]["location"], action[:2])
        assert_same(step[0]["glimpse"][0], glimpse_at(image, action[:2], 8))


def test_the_last_location_is_ignored() -> None:
    env = digits()
    actions = sample(env, 6)
    episode = play(env, actions, seed=5)
    assert_same(episode[-1][0], episode[-2][0])
    actions[-1, :2] = -actions[-1, :2]
    assert_same(play(env, actions, seed=5), episode)


def test_with_one_glimpse_the_first_is_the_last() -> None:
    env = digits(num_glimpses=1)
    observation, _ = env.reset(seed=0)
    step = env.step(answer(3, location=(0.7, 0.7)))
    assert_same(step[0], observation)
    assert step[2]
    assert step[4]["prediction"] == 3


def test_locations_and_scores_are_clipped() -> None:
    env = digits(reward="entropy")
    wild, tame = sample(env, 6).astype(np.float64), sample(env, 6)
    wild[1, :2], tame[1, :2] = (3, -1e6), (1, -1)
    wild[2, 2:4], tame[2, 2:4] = (1e9, -25), (20, -20)
    assert_same(play(env, wild, seed=2), play(env, tame, seed=2))
    assert_same(env.reset(seed=2) and env.step(wild[1])[0]["location"], np.array([1, -1], np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, "list"])
def test_any_floats_will_do(dtype: Any) -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2, (0.5, -0.25))
    observation = env.step(action.tolist() if dtype == "list" else action.astype(dtype))[0]
    assert_same(observation["location"], np.array([0.5, -0.25], np.float32))


def test_very_large_numbers_are_clipped_without_a_warning() -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2).astype(np.float64)
    action[0] = 1e300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observation = env.step(action)[0]
    assert_same(observation["location"], np.array([1, 0], np.float32))


def test_action_is_left_alone_and_not_kept() -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2, (3.0, 0.25))
    before = action.copy()
    observation = env.step(action)[0]
    assert_same(action, before)
    action[:] = 0
    assert_same(observation["location"], np.array([1, 0.25], np.float32))


def test_initial_location() -> None:
    env = digits(initial_location=(0.5, -1))
    for _ in range(3):
        assert_same(env.reset()[0]["location"], np.array([0.5, -1], np.float32))


def test_first_locations_are_uniform() -> None:
    env = digits().unwrapped
    locations = np.stack([env.reset(seed=0 if i == 0 else None)[0]["location"] for i in range(2000)])
    counts = np.histogram2d(*locations.T, bins=4, range=[[-1, 1], [-1, 1]])[0]
    assert np.abs(counts - 125).max() < 6 * np.sqrt(125)


def test_the_label_is_in_no_observation() -> None:
    images, names = np.zeros((10, 28, 28), np.uint8), list("0123456789")
    register_dataset("blank", lambda split, data_dir: (images, np.arange(10), names))
    env = gym.make("Glimpse-v0", dataset="blank")
    actions = sample(env, 6)
    first, *others = ([step[0] for step in play(env, actions, seed=1, options={"index": i})] for i in range(10))
    for other in others:
        assert_same(first, other)
    assert all(sorted(observation) == ["glimpse", "location"] for observation in first)


def test_observations_share_no_memory() -> None:
    env = digits(num_scales=1)
    seen = [step[0] for step in play(env, sample(env, 6), seed=1)] + [step[0] for step in play(env, sample(env, 6))]
    copies = [{key: value.copy() for key, value in observation.items()} for observation in seen]
    for observation in seen:
        for value in observation.values():
            value[:] = -1
    again = [step[0] for step in play(env, sample(env, 6), seed=1)] + [step[0] for step in play(env, sample(env, 6))]
    assert_same(again, copies)
    for position, observation in enumerate(seen):
        for other in seen[:position]:
            assert not any(np.shares_memory(observation[key], other[key]) for key in observation)


def test_spoiling_an_observation_does_not_spoil_the_episode() -> None:
    env = digits()
    actions = sample(env, 6)
    expected = play(env, actions, seed=1)
    for values in env.reset(seed=1)[0].values():
        values[:] = -1
    for action, step in zip(actions, expected[1:], strict=True):
        result = env.step(action)
        assert_same(result, step)
        for values in result[0].values():
            values[:] = -1


def test_stepping_before_reset() -> None:
    env = digits(reward="information")
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.unwrapped.step(answer(0))
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(answer(0))
    fresh = digits(reward="information")
    actions = sample(env, 6)
    assert_same(play(env, actions, seed=0), play(fresh, actions, seed=0))


def test_stepping_after_the_end() -> None:
    env, untouched = digits(reward="entropy"), digits(reward="entropy")
    actions = sample(env, 6)
    play(env, actions, seed=0)
    play(untouched, actions, seed=0)
    for _ in range(2):
        with pytest.raises(ResetNeeded, match=r"step 6.*reset\(\)"):
            env.step(actions[0])
    assert_same(play(env, actions), play(untouched, actions))


def with_entry(value: float, position: int = 0) -> np.ndarray:
    action = answer(0)
    action[position] = value
    return action


BAD_ACTIONS: dict[str, tuple[Any, type[Exception], str]] = {
    "nan location": (with_entry(np.nan), ValueError, "finite"),
    "nan logit": (with_entry(np.nan, -1), ValueError, "finite"),
    "infinite": (with_entry(np.inf, 5), ValueError, "finite"),
    "minus infinite": (with_entry(-np.inf, 1), ValueError, "finite"),
    "too short": (answer(0)[:-1], ValueError, r"\(12,\).*\(11,\)"),
    "a batch": (answer(0)[None], ValueError, r"\(12,\).*\(1, 12\)"),
    "a number": (0.5, ValueError, r"\(12,\).*\(\)"),
    "integers": (np.zeros(12, np.int64), TypeError, "int64"),
    "booleans": (np.zeros(12, bool), TypeError, "bool"),
    "complex": (np.zeros(12, np.complex64), TypeError, "complex64"),
    "objects": (np.full(12, None), TypeError, "object"),
    "text": ("left", TypeError, "dtype"),
    "nothing": (None, TypeError, "object"),
    "a dictionary": ({"location": (0, 0)}, TypeError, "object"),
}


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_a_bad_action_changes_nothing(name: str) -> None:
    action, error, message = BAD_ACTIONS[name]
    env, untouched = digits(reward="entropy"), digits(reward="entropy")
    actions = sample(env, 6)
    expected = play(untouched, actions, seed=4) + play(untouched, actions)
    got = []
    for kwargs in ({"seed": 4}, {}):
        got.append(env.reset(**kwargs))
        for good in actions:
            # Below gymnasium's passive checker, which asserts before we can say more.
            with pytest.raises(error, match=message):
                env.unwrapped.step(action)
            got.append(env.step(good))
    assert_same(got, expected)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"options": {"index": -1}}, IndexError, "-1"),
        ({"options": {"index": 10**6}}, IndexError, "1000000"),
        ({"options": {"index": 1.0}}, TypeError, "integer"),
        ({"options": {"index": "3"}}, TypeError, "integer"),
        ({"options": {"index": True}}, TypeError, "integer"),
        ({"options": {"index": [1, 2]}}, TypeError, r"integer, got \[1, 2\]"),
        ({"options": {"indx": 1}}, ValueError, "'index'"),
        ({"options": {"index": 1, "seed": 1}}, ValueError, "'seed'"),
        ({"options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"options": {"episode": 0.5}}, TypeError, "episode.*0.5"),
        ({"seed": 3, "options": {"index": 2, "episode": -1}}, ValueError, "episode.*-1"),
        ({"seed": 3, "options": {"index": -1}}, IndexError, "-1"),
        ({"seed": -1}, gym.error.Error, "-1"),
        ({"seed": 1.5}, gym.error.Error, "integer"),
    ],
)
def test_a_bad_reset_changes_nothing(kwargs: dict[str, Any], error: type[Exception], message: str) -> None:
    env, untouched = digits(), digits()
    actions = sample(env, 6)
    play(env, actions, seed=4)
    play(untouched, actions, seed=4)
    with pytest.raises(error, match=message):
        env.reset(**kwargs)
    assert_same(play(env, actions), play(untouched, actions))
    env.reset()
    untouched.reset()
    with pytest.raises(error, match=message):
        env.reset(**kwargs)
    assert_same([env.step(action) for action in actions], [untouched.step(action) for action in actions])


def test_env_spec_makes_the_same_environment() -> None:
    env = digits(reward="entropy", reward_weight=0.25, num_glimpses=3)
    again = gym.make(env.spec)
    assert str(again) == str(env)
    assert str(again).count("EntropyShapedReward") == 1
    assert again.spec == env.spec
    actions = sample(env, 3)
    assert_same(play(again, actions, seed=0), play(env, actions, seed=0))


def test_env_spec_survives_json_and_discrete_actions() -> None:
    env = glimpse_env.DiscreteActions(digits(initial_location=(0, 0)), grid=4)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert str(again).count("HardAttentionReward") == str(again).count("DiscreteActions") == 1
    assert again.action_space == env.action_space
    actions = sample(env, 6)
    assert_same(play(again, actions, seed=0), play(env, actions, seed=0))


def test_closing_twice() -> None:
    env = digits(render_mode="human")
    env.reset(seed=0)
    assert env.render() is None
    env.close()
    env.close()


def test_rendering_needs_an_episode() -> None:
    env = digits(render_mode="rgb_array").unwrapped
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.render()


def test_rendering_changes_nothing() -> None:
    env, silent = digits(render_mode="rgb_array"), digits()
    actions = sample(env, 6)
    expected = play(silent, actions, seed=0)
    got: list[Any] = [env.reset(seed=0)]
    for action in actions:
        assert_same(env.render(), env.render())
        got.append(env.step(action))
    assert_same(got, expected)


@pytest.mark.parametrize("episode", [2**48, 2**63, 2**70])
def test_an_episode_beyond_all_numbers_is_refused_and_changes_nothing(episode: int) -> None:
    env, untouched = (gym.make("GlimpseDigits-v0") for _ in range(2))
    for one in (env, untouched):
        one.reset(seed=1)
    with pytest.raises(ValueError, match=r"episode to be less than 2\*\*48"):
        env.reset(options={"episode": episode})
    assert env.reset()[1] == untouched.reset()[1]


def test_options_that_are_no_dict_are_refused() -> None:
    with pytest.raises(TypeError, match="expected reset options to be a dict, got 3"):
        gym.make("GlimpseDigits-v0").reset(options=3)  # type: ignore[arg-type]


def test_ragged_actions_are_refused() -> None:
    env = gym.make("GlimpseDigits-v0", disable_env_checker=True)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="expected action to be a regular array"):
        env.step([[0.0], 1.0])  # type: ignore[arg-type]


def test_a_copy_goes_on_alike_and_shares_the_images() -> None:
    env = gym.make("GlimpseClutteredDigits-v0")
    env.reset(seed=1)
    copied = copy.deepcopy(env)
    assert copied.unwrapped.world.dataset is env.unwrapped.world.dataset
    for _ in range(3):
        ours, theirs = env.reset(), copied.reset()
        assert ours[1] == theirs[1]
        assert np.array_equal(ours[0]["glimpse"], theirs[0]["glimpse"])


def test_a_pickle_is_hardly_larger_than_the_images() -> None:
    env = gym.make("GlimpseClutteredDigits-v0")
    env.reset(seed=1)
    pickled = pickle.dumps(env)
    assert len(pickled) < env.unwrapped.world.dataset.images.numel() + 2**21
    assert pickle.loads(pickled).reset()[1] == env.reset()[1]
