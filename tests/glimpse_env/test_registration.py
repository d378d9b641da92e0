"""The ids: their defaults, that every argument can be changed, and the errors for misspelt ones."""

from __future__ import annotations

import inspect
import urllib.request
from dataclasses import fields
from typing import Any
from urllib.error import URLError

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import glimpse_env
from glimpse_env import (
    AnytimeReward,
    DatasetError,
    EntropyShapedReward,
    HardAttentionReward,
    InformationGainReward,
    VectorAnytimeReward,
    VectorEntropyShapedReward,
    VectorHardAttentionReward,
    VectorInformationGainReward,
    WorldConfig,
)
from glimpse_env.world import World

# dataset, channels, canvas (height, width), T, glimpse, scales, canvas_size, distractors
TABLE: dict[str, tuple[str, int, tuple[int, int], int, int, int, int | None, int]] = {
    "Glimpse-v0": ("mnist", 1, (28, 28), 6, 8, 1, None, 0),
    "GlimpseMNIST-v0": ("mnist", 1, (28, 28), 6, 8, 1, None, 0),
    "GlimpseFashionMNIST-v0": ("fashion_mnist", 1, (28, 28), 6, 8, 1, None, 0),
    "GlimpseKMNIST-v0": ("kmnist", 1, (28, 28), 6, 8, 1, None, 0),
    "GlimpseTranslatedMNIST-v0": ("mnist", 1, (60, 60), 6, 12, 3, 60, 0),
    "GlimpseClutteredMNIST-v0": ("mnist", 1, (60, 60), 8, 12, 3, 60, 4),
    "GlimpseCIFAR10-v0": ("cifar10", 3, (32, 32), 8, 8, 2, None, 0),
    "GlimpseSVHN-v0": ("svhn", 3, (32, 32), 8, 8, 2, None, 0),
    "GlimpseDigits-v0": ("digits", 1, (28, 28), 6, 8, 1, None, 0),
    "GlimpseClutteredDigits-v0": ("digits", 1, (40, 40), 6, 8, 1, 40, 4),
}
REWARDS: dict[str | None, tuple[type | None, type | None]] = {
    "hard": (HardAttentionReward, VectorHardAttentionReward),
    "entropy": (EntropyShapedReward, VectorEntropyShapedReward),
    "information": (InformationGainReward, VectorInformationGainReward),
    "anytime": (AnytimeReward, VectorAnytimeReward),
    None: (None, None),
}
MAKERS = [gym.make, gym.make_vec]


def world_of(env: Any) -> World:
    world = env.unwrapped.world
    assert isinstance(world, World)
    return world


def layers(env: Any) -> list[type]:
    found = [type(env)]
    while env is not env.unwrapped:
        env = env.env
        found.append(type(env))
    return found


def test_the_ids_are_those_of_the_table() -> None:
    assert set(glimpse_env.IDS) == set(TABLE)
    registered = [name for name in gym.registry if name.startswith("Glimpse")]
    assert set(registered) == set(TABLE)


@pytest.mark.parametrize("env_id", TABLE)
def test_defaults(env_id: str) -> None:
    dataset, _, _, num_glimpses, glimpse_size, num_scales, canvas_size, num_distractors = TABLE[env_id]
    assert WorldConfig(**gym.spec(env_id).kwargs) == WorldConfig(
        dataset=dataset,
        split="train",
        num_glimpses=num_glimpses,
        glimpse_size=glimpse_size,
        num_scales=num_scales,
        initial_location=None,
        canvas_size=canvas_size,
        num_distractors=num_distractors,
        data_dir=None,
    )


@pytest.mark.parametrize("env_id", TABLE)
def test_defaults_of_what_is_made(env_id: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network in tests")

    dataset, channels, canvas_shape, num_glimpses, glimpse_size, num_scales, *_ = TABLE[env_id]
    if dataset == "mnist":
        request.getfixturevalue("mnist_dir")
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    try:
        env, envs = gym.make(env_id), gym.make_vec(env_id, num_envs=2)
    except DatasetError as error:
        if "lacks" not in str(error):
            raise
        pytest.skip(f"needs data: {error}")
    glimpse = (num_scales * channels, glimpse_size, glimpse_size)
    high = np.array([1, 1] + [20] * 10, np.float32)
    for observation_space, action_space in (
        (env.observation_space, env.action_space),
        (envs.single_observation_space, envs.single_action_space),
    ):
        assert observation_space == spaces.Dict(
            glimpse=spaces.Box(0, 1, glimpse, np.float32), location=spaces.Box(-1, 1, (2,), np.float32)
        )
        assert action_space == spaces.Box(-high, high, dtype=np.float32)
    env.reset(seed=0)
    assert world_of(env).canvases.shape == (1, channels, *canvas_shape)
    steps = [env.step(env.action_space.sample()) for _ in range(num_glimpses)]
    assert [step[2] for step in steps] == [False] * (num_glimpses - 1) + [True]
    assert HardAttentionReward in layers(env)
    assert VectorHardAttentionReward in layers(envs)
    assert env.spec is not None
    assert env.spec.kwargs == gym.spec(env_id).kwargs == glimpse_env.IDS[env_id]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"split": "test"},
        {"num_glimpses": 3},
        {"glimpse_size": 5},
        {"num_scales": 2},
        {"initial_location": (0.25, -0.5)},
        {"canvas_size": 100},
        {"canvas_size": None, "num_distractors": 0},
        {"num_distractors": 9},
        {"data_dir": "nowhere"},
        {"dataset": "digits"},
    ],
)
def test_every_argument_can_be_changed(make: Any, arguments: dict[str, Any]) -> None:
    config = world_of(make("GlimpseClutteredDigits-v0", **arguments)).config
    assert config == WorldConfig(**{**glimpse_env.IDS["GlimpseClutteredDigits-v0"], **arguments})


def test_the_reference_studys_and_the_papers_cluttered_sets(mnist_dir: Any) -> None:
    env = gym.make("GlimpseClutteredMNIST-v0", canvas_size=40, num_glimpses=6, glimpse_size=8, num_scales=1)
    env.reset(seed=0)
    assert world_of(env).canvases.shape == (1, 1, 40, 40)
    env = gym.make("GlimpseClutteredMNIST-v0", canvas_size=100)
    env.reset(seed=0)
    assert world_of(env).canvases.shape == (1, 1, 100, 100)


@pytest.mark.parametrize("reward", REWARDS)
def test_rewards_are_chosen_by_name(reward: str | None) -> None:
    wrapper, vector_wrapper = REWARDS[reward]
    for made, mine in (
        (gym.make("GlimpseDigits-v0", reward=reward), wrapper),
        (gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward), vector_wrapper),
    ):
        ours = [layer for layer in layers(made) if layer.__name__.endswith("Reward")]
        assert ours == ([] if mine is None else [mine])


def test_reward_weights_reach_the_wrapper() -> None:
    action = np.zeros(12, np.float32)
    action[2] = 20
    for make in MAKERS:
        earned = []
        for weight in ({"reward_weight": 0.5}, {}, {"reward_weight": 2}):
            env = make("GlimpseDigits-v0", reward="entropy", **weight)
            env.reset(seed=0)
            earned.append(float(np.sum(env.step(action if make is gym.make else action[None])[1])))
        assert earned == pytest.approx([0.5 * np.log(10), 0.5 * np.log(10), 2 * np.log(10)], abs=1e-5)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reward": "entropi"}, "reward 'entropi'.*Did you mean 'entropy'"),
        ({"reward": "Hard"}, "reward 'Hard'.*Did you mean 'hard'"),
        ({"reward": "informative"}, "reward 'informative'.*Did you mean 'information'"),
        ({"reward": ""}, "reward ''.*Known: 'hard', 'entropy', 'information', 'anytime'"),
        ({"dataset": "digit"}, "data set 'digit'.*Did you mean 'digits'"),
        ({"dataset": "cifar"}, "data set 'cifar'.*Did you mean 'cifar10'"),
        ({"split": "tset"}, "split 'tset'.*Did you mean 'test'"),
        ({"split": "validation"}, "split 'validation'.*Known: 'train', 'test'"),
        ({"render_mode": "rgb_aray"}, "render_mode 'rgb_aray'.*Did you mean 'rgb_array'"),
        ({"render_mode": "ansi"}, "render_mode 'ansi'.*Known"),
    ],
)
def test_errors_for_unknown_names_suggest_the_nearest(make: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make("GlimpseDigits-v0", **arguments)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_glimpse": 3}, "argument 'num_glimpse'.*Did you mean 'num_glimpses'"),
        ({"canvas": 3}, "argument 'canvas'.*Did you mean 'canvas_size'"),
        ({"glimpses_size": 3}, "argument 'glimpses_size'.*Did you mean 'glimpse_size'"),
        ({"scales": 3}, "argument 'scales'.*Did you mean 'num_scales'"),
        ({"Canvas_Size": 3}, "argument 'Canvas_Size'.*Did you mean 'canvas_size'"),
        ({"distractors": 3}, "argument 'distractors'.*Did you mean 'num_distractors'"),
        ({"data_set": "digits"}, "argument 'data_set'.*Did you mean 'dataset'"),
        ({"location": (0, 0)}, "argument 'location'.*Did you mean 'initial_location'"),
        ({"colour": "red"}, r"argument 'colour'\. Known: 'dataset', 'split'"),
        ({"rewrad": "hard"}, "argument 'rewrad'.*Did you mean 'reward'"),
        ({"reward_wieght": 1}, "argument 'reward_wieght'.*Did you mean 'reward_weight'"),
        ({"rendermode": "rgb_array"}, "argument 'rendermode'.*Did you mean 'render_mode'"),
        ({"frameskip": 1}, "argument 'frameskip'"),  # TorchRL tries it
    ],
)
def test_an_unknown_argument_is_the_error_that_other_libraries_read(
    make: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=f"got an unexpected keyword {message}"):
        make("GlimpseDigits-v0", **arguments)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("reward", [["hard"], {"hard": 1}, 3, True])
def test_rewards_that_are_no_names(make: Any, reward: Any) -> None:
    with pytest.raises(ValueError, match="Unknown reward"):
        make("GlimpseDigits-v0", reward=reward)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_glimpses": 0}, ValueError, "num_glimpses.*at least 1.*0"),
        ({"num_glimpses": 2.0}, TypeError, "num_glimpses.*integer"),
        ({"glimpse_size": 0}, ValueError, "glimpse_size.*at least 1.*0"),
        ({"num_scales": -1}, ValueError, "num_scales.*at least 1.*-1"),
        ({"num_scales": 60}, ValueError, "num_scales.*at most.*60"),
        ({"num_distractors": -1}, ValueError, "num_distractors.*-1"),
        ({"num_distractors": 2}, ValueError, "expected a canvas_size to place 2 distractors on, got None"),
        ({"canvas_size": 27}, ValueError, "canvas_size.*28.*27"),
        ({"initial_location": (0, 1.5)}, ValueError, r"initial_location.*1\.5"),
        ({"initial_location": "centre"}, TypeError, "initial_location.*centre"),
    ],
)
def test_impossible_arguments(make: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make("GlimpseDigits-v0", **arguments)


def test_unknown_ids_are_gymnasiums_to_answer() -> None:
    with pytest.raises(gym.error.NameNotFound, match="GlimpseDigits"):
        gym.make("GlimpseDigit-v0")


@pytest.mark.parametrize("environment", [glimpse_env.GlimpseEnv, glimpse_env.GlimpseVectorEnv])
def test_environments_take_the_fields_of_the_config(environment: Any) -> None:
    parameters = dict(inspect.signature(environment).parameters)
    for name in ("render_mode", "num_envs", "device", "episodes_per_image", "autoreset_mode"):
        parameters.pop(name, None)
    assert {name: (one.annotation, one.default) for name, one in parameters.items()} == {
        field.name: (field.type, field.default) for field in fields(WorldConfig)
    }


def test_the_manual_documents_every_argument_with_its_default() -> None:
    manual = inspect.getdoc(glimpse_env.GlimpseEnv)
    assert manual is not None
    arguments = manual[manual.index("## Arguments") :]
    for name, parameter in inspect.signature(glimpse_env.GlimpseEnv).parameters.items():
        default = parameter.default
        shown = {str: f'`"{default}"`', int: f"{default}"}.get(type(default), f"`{default}`")
        assert f"| `{name}` | {shown} |" in arguments


def test_an_unknown_argument_of_a_class_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="num_glimpse"):
        glimpse_env.GlimpseEnv(dataset="digits", num_glimpse=3)  # type: ignore[call-arg]


def test_specs_hold_what_was_asked_for() -> None:
    asked: dict[str, Any] = {"num_glimpses": 4, "reward": "entropy", "reward_weight": 0.25}
    env = gym.make("GlimpseClutteredDigits-v0", **asked)
    assert env.spec is not None
    assert env.spec.id == "GlimpseClutteredDigits-v0"
    assert env.spec.kwargs == {"dataset": "digits", "canvas_size": 40, "num_distractors": 4, **asked}
    envs = gym.make_vec("GlimpseClutteredDigits-v0", num_envs=2, **asked)
    assert envs.spec is not None
    assert envs.spec.kwargs == {
        **{"dataset": "digits", "canvas_size": 40, "num_distractors": 4, **asked},
        "num_envs": 2,
        "vectorization_mode": "vector_entry_point",
    }


def test_making_an_environment_leaves_the_defaults_alone() -> None:
    before = {env_id: dict(arguments) for env_id, arguments in glimpse_env.IDS.items()}
    gym.make("GlimpseDigits-v0", num_glimpses=2, canvas_size=50, reward="entropy")
    gym.make_vec("GlimpseClutteredDigits-v0", num_envs=2, num_glimpses=2)
    assert before == glimpse_env.IDS
    assert {env_id: gym.spec(env_id).kwargs for env_id in glimpse_env.IDS} == before


def test_the_module_in_an_id_may_be_imported_already(recwarn: pytest.WarningsRecorder) -> None:
    assert world_of(gym.make("glimpse_env:GlimpseDigits-v0")).config.dataset == "digits"
    assert not [str(warning.message) for warning in recwarn]


@pytest.mark.parametrize("reward", ["hard", "entropy", None])
@pytest.mark.parametrize(("weight", "error"), [("x", TypeError), (float("inf"), ValueError), (1e39, ValueError)])
def test_the_weight_is_checked_whatever_the_reward(reward: str | None, weight: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected the reward's weight to be a number in"):
        gym.make("GlimpseDigits-v0", reward=reward, reward_weight=weight)
