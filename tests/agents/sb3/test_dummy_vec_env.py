"""`GlimpseVecEnv` against Stable-Baselines3's `DummyVecEnv`: the same script, the same answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecExtractDictObs, VecMonitor, VecVideoRecorder

from agents import GlimpseVecEnv, make_sb3_env
from glimpse_env import DiscreteActions, EntropyShapedReward, HardAttentionReward, InformationGainReward
from glimpse_env.reward_wrappers import GlimpseReward

ID = "GlimpseDigits-v0"
T, N = 6, 4
GRID = 3
CLASSES = 10

Script = Callable[[VecEnv], Any]


def act(env: VecEnv, seed: int = 0) -> np.ndarray:
    """The same actions for environments with the same action space."""
    rng = np.random.default_rng(seed)
    if isinstance(env.action_space, gym.spaces.MultiDiscrete):
        return rng.integers(env.action_space.nvec, size=(N, 2))
    return rng.uniform(-1.2, 1.2, (N, 2 + CLASSES)).astype(np.float32)


def steps(env: VecEnv, count: int) -> list[Any]:
    return [env.step(act(env, seed)) for seed in range(count)]


def images(env: VecEnv) -> Any:
    """What resets said last; `DummyVecEnv` goes on with the same list."""
    return deepcopy(env.reset_infos)


def seeded(script: Script) -> Script:
    def run(env: VecEnv) -> Any:
        return [env.seed(7), env.reset(), images(env), script(env)]

    return run


def with_options(*options: Any) -> Script:
    """Resets with each of the options after the other, with an episode after each."""

    def run(env: VecEnv) -> Any:
        seen = []
        for one in options:
            env.set_options(one)
            seen.append([env.reset(), images(env), steps(env, T + 1), images(env)])
        return seen

    return seeded(run)


def set_and_get(name: str, value: Any, indices: Any) -> Script:
    def run(env: VecEnv) -> Any:
        env.set_attr(name, value, indices)
        return env.get_attr(name, indices)

    return run


def warned(script: Script) -> Script:
    """Whether it warns, instead of what it returns."""

    def run(env: VecEnv) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = script(env)
        return [result, len(caught)]

    return run


def step_in_parts(env: VecEnv) -> Any:
    env.step_async(act(env))
    return env.step_wait()


def reset_in_mid_episode(env: VecEnv) -> Any:
    return [steps(env, 2), env.reset(), steps(env, T)]


def set_options_and_fail(env: VecEnv) -> Any:
    """Options that were refused stay until others are set."""
    env.set_options({"index": 10**6})
    with pytest.raises(IndexError):
        env.reset()
    env.set_options(None)
    return env.reset()


def keep_and_go_on(env: VecEnv) -> Any:
    """What was returned belongs to the caller: later steps leave it as it is."""
    kept = [env.reset(), env.step(act(env))]
    steps(env, T)
    return kept


SCRIPTS: dict[str, Script] = {
    # Attributes.
    "sizes": lambda env: [env.num_envs, env.reset_infos, env.observation_space, env.action_space, env.render_mode],
    "metadata": lambda env: env.metadata,
    "unwrapped": lambda env: env.unwrapped is env,
    "no_name_is_hidden": lambda env: env.getattr_depth_check("num_envs", already_found=False),
    # reset, step, seed.
    "seeds_are_told": lambda env: [env.seed(3), len(env.seed(None))],
    "episodes": seeded(lambda env: [steps(env, 2 * T + 3), images(env)]),
    "step_in_parts": seeded(step_in_parts),
    "reset_goes_on": seeded(lambda env: [env.reset(), env.reset(), images(env)]),
    "reset_in_mid_episode": seeded(reset_in_mid_episode),
    "a_seed_counts_once": lambda env: [seeded(lambda env: env.reset())(env) for _ in range(2)],
    "what_was_returned_stays": seeded(keep_and_go_on),
    "step_before_reset": lambda env: env.step(act(env)),
    "negative_seed": lambda env: [env.seed(-1), env.reset()],
    "seed_of_another_type": lambda env: [env.seed(1.5), env.reset()],  # type: ignore[arg-type]
    "action_of_another_shape": seeded(lambda env: env.step(act(env)[:, :1])),
    "action_that_is_not_a_number": seeded(lambda env: env.step(act(env) * np.float32("nan"))),
    # set_options.
    "index": with_options({"index": 5}, None, {"index": 0}),
    "episode": with_options({"episode": 2}, {}, {"episode": 2}, {"episode": 5000}),
    "both": with_options({"episode": 3, "index": 8}, None),
    "options_for_each": with_options([{"index": number} for number in (5, 3, 8, 300)], None),
    "options_for_some": with_options([{"index": 5}, {}, {"index": 8}, {}], [{}, {"episode": 9}, {}, {"episode": 0}]),
    "mixed_options": with_options([{"index": 5}, {"episode": 4}, {"index": 8, "episode": 1}, {}], None, None),
    "mixed_options_later": with_options(None, [{"index": 5}, {}, {"episode": 3}, {}], None),
    "options_and_seeds": lambda env: [env.seed(5), env.set_options({"episode": 3}), env.reset(), env.reset()],
    "options_count_once": lambda env: [env.seed(5), env.set_options({"index": 3}), env.reset(), env.reset()],
    "unknown_option": with_options({"indx": 5}),
    "unknown_option_of_one": with_options([{}, {}, {}, {"indx": 5}]),
    "index_beyond_the_split": with_options({"index": 10**6}),
    "index_of_another_type": with_options({"index": 1.5}),
    "negative_index_of_one": with_options([{}, {}, {"index": -1}, {}]),
    "negative_episode": with_options({"episode": -1}),
    "episode_of_another_type": with_options([{}, {"episode": "1"}, {}, {}]),
    "refused_options_stay": seeded(set_options_and_fail),
    # get_attr, has_attr, set_attr, env_method.
    **{
        f"attribute_{name}": lambda env, name=name: [env.has_attr(name), env.get_attr(name)]
        for name in ("observation_space", "action_space", "render_mode", "metadata", "num_envs", "no")
    },
    "seeds_of_each": seeded(lambda env: env.get_attr("np_random_seed")),
    "attribute_of_some": lambda env: [env.get_attr("render_mode", indices) for indices in (0, [1, 3], range(2), -1)],
    "attribute_of_none_such": lambda env: env.get_attr("render_mode", indices=N),
    "spec": lambda env: [(spec.id, spec.kwargs) for spec in env.get_attr("spec")],
    "set_attr": lambda env: [set_and_get("level", 3, indices)(env) for indices in (None, 0, [1, 2])],
    "set_attr_of_one": lambda env: [set_and_get("level", 3, 1)(env), env.has_attr("level"), env.get_attr("level", 1)],
    "set_observation_space": set_and_get("observation_space", gym.spaces.Discrete(2), [0, 2]),
    "set_render_mode": set_and_get("render_mode", "human", None),
    "method": lambda env: env.env_method("get_wrapper_attr", "render_mode", indices=[0, 2]),
    "method_with_keywords": lambda env: env.env_method("has_wrapper_attr", name="action_space"),
    "no_such_method": lambda env: env.env_method("action_masks"),
    # env_is_wrapped.
    **{
        f"is_wrapped_{wrapper.__name__}": lambda env, wrapper=wrapper: env.env_is_wrapped(wrapper, indices=[0, 1])
        for wrapper in (
            Monitor,
            gym.Wrapper,
            gym.ActionWrapper,
            GlimpseReward,
            HardAttentionReward,
            EntropyShapedReward,
            InformationGainReward,
            DiscreteActions,
            gym.wrappers.TimeLimit,
        )
    },
    # Rendering, closing, and wrappers of vector environments.
    "frames": seeded(lambda env: [steps(env, 2), env.get_images(), env.render(), env.render("rgb_array")]),
    "frames_of_each": seeded(lambda env: env.env_method("render", indices=[2])),
    "frames_after_the_end": seeded(lambda env: [steps(env, T), env.get_images()]),
    "frames_before_reset": lambda env: env.get_images(),
    "close": lambda env: [env.close(), env.close()],
    "monitored_again": warned(lambda env: seeded(lambda env: steps(env, T))(VecMonitor(env))),
    "one_observation": seeded(lambda env: VecExtractDictObs(env, "glimpse").reset()),
}
WITHOUT_FRAMES: dict[str, Script] = {
    "no_frames": warned(lambda env: [env.get_images(), env.render()]),
    "frames_of_another_mode": warned(lambda env: env.render("ansi")),
    "no_frames_of_each": seeded(lambda env: env.env_method("render")),
}
KINDS: dict[str, dict[str, Any]] = {
    "hard": {},
    "information": {"reward": "information", "num_glimpses": T, "split": "test"},
    "cluttered": {"reward": "entropy", "canvas_size": 40, "num_distractors": 2, "initial_location": (0.0, 0.5)},
}


def dummy(grid: int | None = None, **arguments: Any) -> DummyVecEnv:
    def make() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = gym.make(ID, disable_env_checker=True, **arguments)
        return Monitor(env if grid is None else DiscreteActions(env, grid))

    return DummyVecEnv([make] * N)


def outcome(script: Script, env: VecEnv) -> Any:
    try:
        return script(env)
    except Exception as error:
        return error


def assert_same(mine: Any, other: Any, where: str) -> None:
    if isinstance(other, Exception):
        # A step before reset has its own error in Gymnasium, and a RuntimeError in Monitor.
        ours = RuntimeError if isinstance(mine, gym.error.ResetNeeded) else type(mine)
        theirs = RuntimeError if isinstance(other, gym.error.ResetNeeded) else type(other)
        assert issubclass(ours, theirs), f"{where}: {mine!r}, but {other!r}"
    elif isinstance(other, dict):
        assert set(mine) == set(other), where
        for key in other:
            if key == "t":  # seconds since the environment was made
                assert mine[key] >= 0
            else:
                assert_same(mine[key], other[key], f"{where}[{key!r}]")
    elif isinstance(other, list | tuple):
        assert len(mine) == len(other), where
        for number, (one, another) in enumerate(zip(mine, other, strict=True)):
            assert_same(one, another, f"{where}[{number}]")
    elif isinstance(other, np.ndarray) and other.dtype == np.float32 and other.ndim == 1:
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6, err_msg=where)  # rewards
    elif isinstance(other, np.ndarray):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other, err_msg=where)
    elif isinstance(other, float):
        assert mine == pytest.approx(other, abs=2e-6), where
    else:
        assert type(mine) is type(other), where
        assert mine == other, where


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_method_answers_as_that_of_dummy_vec_env(name: str) -> None:
    mine = make_sb3_env(ID, N, render_mode="rgb_array")
    assert_same(outcome(SCRIPTS[name], mine), outcome(SCRIPTS[name], dummy(render_mode="rgb_array")), name)


@pytest.mark.parametrize("name", WITHOUT_FRAMES)
def test_without_a_render_mode_as_well(name: str) -> None:
    script = WITHOUT_FRAMES[name]
    assert_same(outcome(script, make_sb3_env(ID, N)), outcome(script, dummy()), name)


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["episodes", "mixed_options", "mixed_options_later", "spec", "reset_in_mid_episode"])
def test_with_other_arguments_as_well(name: str, kind: str, device: str | None) -> None:
    mine, other = make_sb3_env(ID, N, device=device, **KINDS[kind]), dummy(**KINDS[kind])
    assert_same(outcome(SCRIPTS[name], mine), outcome(SCRIPTS[name], other), name)


@pytest.mark.parametrize("name", ["sizes", "episodes", "spec", *(name for name in SCRIPTS if "wrapped" in name)])
def test_with_discrete_actions_as_well(name: str) -> None:
    mine, other = make_sb3_env(ID, N, GRID), dummy(GRID)
    assert_same(outcome(SCRIPTS[name], mine), outcome(SCRIPTS[name], other), name)


def test_every_method_of_a_vec_env_is_in_a_script() -> None:
    """A method that comes with a later release is missed here."""
    called = set()

    class Watched(DummyVecEnv):
        def __getattribute__(self, name: str) -> Any:
            called.add(name)
            return super().__getattribute__(name)

    for name, script in {**SCRIPTS, **WITHOUT_FRAMES}.items():
        frames = None if name in WITHOUT_FRAMES else "rgb_array"
        if name not in ("frames_after_the_end", "frames_of_each", "frames_before_reset"):  # they take long
            outcome(script, Watched([lambda frames=frames: Monitor(gym.make(ID, render_mode=frames))] * N))  # type: ignore[misc]
    public = {name for name in dir(VecEnv) if not name.startswith("_")}
    assert public <= called


def test_it_is_what_make_vec_env_makes() -> None:
    """Stable-Baselines3's own way to make environments seeds their spaces as well, and ours needs no seed for that."""
    theirs = make_vec_env(ID, N, seed=7)
    mine = make_sb3_env(ID, N)
    mine.seed(7)
    assert_same([mine.reset(), steps(mine, T)], [theirs.reset(), steps(theirs, T)], "make_vec_env")


def test_one_sub_environment_is_neither_reset_nor_stepped_alone() -> None:
    env = make_sb3_env(ID, N)
    env.reset()
    for method, arguments in (("reset", {"seed": 3}), ("step", {"action": act(env)[0]})):
        with pytest.raises(NotImplementedError, match=rf"^expected {method}\(\) of the vector environment"):
            env.env_method(method, indices=0, **arguments)


def test_there_are_options_for_each_or_one_for_all() -> None:
    env = make_sb3_env(ID, N)
    env.set_options([{"index": 3}])
    with pytest.raises(ValueError, match="expected options for 4 sub-environments, got 1"):
        env.reset()


@pytest.mark.filterwarnings("ignore")
def test_videos_are_recorded(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    seen = []
    for name, env in (
        ("mine", make_sb3_env(ID, N, render_mode="rgb_array")),
        ("theirs", dummy(render_mode="rgb_array")),
    ):
        env.seed(0)
        recorder = VecVideoRecorder(env, str(tmp_path / name), lambda step: step == 0, video_length=2)
        recorder.reset()
        steps(recorder, 2)
        seen.append([recorder.frames_per_sec, [path.name for path in (tmp_path / name).iterdir()]])
        recorder.close()
    assert seen[0] == seen[1]
    assert seen[0][0] == 2
    assert len(seen[0][1]) == 1


@pytest.mark.parametrize("env", ["CartPole-v1", "CartPoleVector"])
def test_other_environments_are_refused(env: str) -> None:
    expected = "expected the id of a glimpse environment, got 'CartPole-v1'"
    if env == "CartPoleVector":
        expected = "expected a native vector environment of glimpses"
    with pytest.raises(ValueError, match=expected):
        make_sb3_env(env, N) if env == "CartPole-v1" else GlimpseVecEnv(gym.make_vec("CartPole-v1", N))
