"""The vector environment: does what as many single environments do, in NumPy and in torch."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glimpse_env
from glimpse_env import load_dataset

N = 5
T = 6
PLAIN, CLUTTERED = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"


def native(env_id: str = PLAIN, num_envs: int = N, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


def singles(env_id: str = PLAIN, num_envs: int = N, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    makers = [lambda: gym.make(env_id, **arguments)] * num_envs
    return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)


def sample(count: int, num_envs: int = N, num_classes: int = 10, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1.2, 1.2, (count, num_envs, 2 + num_classes)).astype(np.float32)
    actions[..., 2:] *= rng.choice([1, 10, 20], size=(count, num_envs, 1))
    return actions


def play(envs: VectorEnv[Any, Any, Any], actions: Any, **reset: Any) -> list[Any]:
    """All that the episodes give away."""
    return [envs.reset(**reset), *(envs.step(action) for action in actions)]


def as_numpy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.cpu().numpy()
    if isinstance(value, Mapping):
        return {key: as_numpy(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_numpy(part) for part in value)
    return value


def assert_same(one: Any, other: Any) -> None:
    """Exactly: not one bit may differ."""
    np.testing.assert_equal(unpacked(one), unpacked(other))


def unpacked(value: Any) -> Any:
    """With lists for object arrays, which NumPy does not compare element by element."""
    if isinstance(value, Mapping):
        return {key: unpacked(part) for key, part in value.items()}
    if isinstance(value, list | tuple) or getattr(value, "dtype", None) == np.dtype(object):
        return [unpacked(part) for part in value]
    return value


def assert_same_types(one: Any, other: Any) -> None:
    if isinstance(one, Mapping):
        for key in one:
            assert_same_types(one[key], other[key])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        if one.dtype == object:
            for mine, others in zip(one, other, strict=True):
                assert_same_types(mine, others)
    else:
        assert type(one) is type(other)
        if isinstance(one, list | tuple):
            for mine, others in zip(one, other, strict=True):
                assert_same_types(mine, others)


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime", None])
@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        (PLAIN, {}),
        (PLAIN, {"split": "test", "num_glimpses": 1, "num_scales": 3, "initial_location": (0.5, -0.5)}),
        (PLAIN, {"canvas_size": 33, "glimpse_size": 7, "num_glimpses": 2}),
        (CLUTTERED, {"num_glimpses": 3}),
        (CLUTTERED, {"split": "test", "num_glimpses": 3, "num_scales": 2}),
    ],
)
def test_vector_is_many_singles(env_id: str, arguments: dict[str, Any], reward: str | None) -> None:
    mine, others = (make(env_id, reward=reward, **arguments) for make in (native, singles))
    actions = sample(3 * arguments.get("num_glimpses", T) + 1)
    for kwargs in ({"seed": 7}, {"seed": [4, 4, 0, 9, 123456789]}, {}, {"options": {"index": np.arange(N)}}):
        if "options" in kwargs:
            # SyncVectorEnv would give the whole array to each of them.
            with pytest.raises(TypeError, match="expected index to be an integer, got array"):
                others.reset(**kwargs)
            continue
        got, expected = play(mine, actions, **kwargs), play(others, actions, **kwargs)
        assert_same(got, expected)
        assert_same_types(got, expected)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    num_envs=st.integers(1, 9),
    num_glimpses=st.integers(1, 4),
    glimpse_size=st.integers(1, 9),
    num_scales=st.integers(1, 3),
    clutter=st.sampled_from([{}, {"canvas_size": 28}, {"canvas_size": 41, "num_distractors": 3}]),
    reward=st.sampled_from(["hard", "entropy", "information", "anytime"]),
    reward_weight=st.floats(-2, 2),
    split=st.sampled_from(["train", "test"]),
    seed=st.integers(0, 2**40),
)
def test_vector_is_many_singles_for_any_arguments(
    num_envs: int, num_glimpses: int, clutter: dict[str, int], seed: int, **arguments: Any
) -> None:
    arguments |= clutter
    mine, others = (make(PLAIN, num_envs, num_glimpses=num_glimpses, **arguments) for make in (native, singles))
    actions = sample(2 * num_glimpses + 1, num_envs, seed=seed)
    assert_same(play(mine, actions, seed=seed), play(others, actions, seed=seed))


def test_chosen_images_as_in_single_environments() -> None:
    index = np.array([359, 0, 7, 7, 12])
    for env_id in (PLAIN, CLUTTERED):
        envs = native(env_id, split="test", reward="information")
        single = [gym.make(env_id, split="test", reward="information") for _ in range(N)]
        actions = sample(T)
        for seed in (3, None):
            first, *steps = play(envs, actions, seed=seed, options={"index": index})
            assert_same(first[1]["index"], index)
            for copy, env in enumerate(single):
                observation, _ = env.reset(
                    seed=None if seed is None else seed + copy, options={"index": int(index[copy])}
                )
                assert_same({key: value[copy] for key, value in first[0].items()}, observation)
                for action, step in zip(actions[:, copy], steps, strict=True):
                    observation, reward, terminated, _, info = env.step(action)
                    assert step[1][copy] == reward
                    if terminated:
                        assert_same(step[4]["final_obs"][copy], observation)
                        assert {key: step[4]["final_info"][key][copy] for key in info} == info
                    else:
                        assert_same({key: value[copy] for key, value in step[0].items()}, observation)
                env.reset()  # as the vector environment has done


def test_going_on_at_an_episode() -> None:
    envs, resumed = native(CLUTTERED, num_glimpses=2), native(CLUTTERED, num_glimpses=2)
    actions = sample(8)
    walk = play(envs, actions, seed=3)
    first = resumed.reset(seed=3, options={"episode": 2})
    assert_same(first[0], walk[4][0])
    assert_same(first[1]["index"], walk[4][4]["index"])
    assert_same([resumed.step(action) for action in actions[4:]], walk[5:])


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime", None])
@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_torch_is_numpy(env_id: str, reward: str | None) -> None:
    actions = sample(2 * T + 1)
    expected = play(native(env_id, reward=reward), actions, seed=1)
    got = play(native(env_id, reward=reward, device="cpu"), torch.from_numpy(actions), seed=1)
    for mine, others in zip(as_numpy(got), expected, strict=True):
        if "final_obs" in others[-1]:
            final = others[-1]["final_obs"]
            others[-1]["final_obs"] = {key: np.stack([one[key] for one in final]) for key in final[0]}
        if len(others) == 5:
            assert mine[1].dtype == np.float32
            assert others[1].dtype == np.float64
        assert_same(mine, others)


def test_torch_mode_gives_tensors_on_the_device_only() -> None:
    envs = native(device=torch.device("cpu"), reward="entropy")

    def check(value: Any) -> None:
        if isinstance(value, Mapping):
            for part in value.values():
                check(part)
        else:
            assert isinstance(value, torch.Tensor)
            assert value.device == torch.device("cpu")
            assert len(value) == N

    observations, infos = envs.reset(seed=0, options={"index": torch.arange(N)})
    check(observations)
    check(infos)
    assert infos["index"].tolist() == list(range(N))
    for action in torch.from_numpy(sample(T)):
        for part in envs.step(action):
            check(part)


def test_torch_mode_takes_part_in_no_gradient() -> None:
    envs = native(device="cpu", reward="information")
    envs.reset(seed=0)
    action = torch.from_numpy(sample(1)[0]).requires_grad_()
    observations, rewards, *_ = envs.step(action)
    assert not rewards.requires_grad
    assert not observations["location"].requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_cuda_is_cpu(env_id: str) -> None:
    actions = torch.from_numpy(sample(2 * T + 1))
    expected = as_numpy(play(native(env_id, device="cpu"), actions, seed=1))
    got = play(native(env_id, device="cuda"), actions.cuda(), seed=1)
    assert all(value.is_cuda for value in got[0][0].values())
    assert_same(as_numpy(got), expected)


def test_every_image_of_an_epoch_once_for_each_copy() -> None:
    envs = native(split="test", num_glimpses=1, num_envs=3)
    action = sample(1, 3)[0]
    walk = [envs.reset(seed=0)[1]["index"]] + [envs.step(action)[4]["index"] for _ in range(359)]
    assert [sorted(copy) for copy in np.array(walk).T.tolist()] == [list(range(360))] * 3


def test_sweep_in_batches() -> None:
    envs = native(split="test", num_envs=100, num_glimpses=1)
    labels = load_dataset("digits", "test").labels.numpy()
    seen: list[int] = []
    for start in range(0, 360, 100):
        index = np.minimum(np.arange(start, start + 100), 359)
        assert_same(envs.reset(options={"index": index})[1]["index"], index)
        infos = envs.step(sample(1, 100)[0])[4]
        assert_same(infos["final_info"]["label"], labels[index])
        seen += index.tolist()
    assert sorted(set(seen)) == list(range(360))


def test_results_belong_to_the_caller() -> None:
    for device in (None, "cpu"):
        envs, untouched = native(reward="entropy", device=device), native(reward="entropy", device=device)
        actions = sample(2 * T)

        def spoil(value: Any) -> None:
            if isinstance(value, Mapping):
                for part in value.values():
                    spoil(part)
            elif isinstance(value, tuple | list) or getattr(value, "dtype", None) == np.dtype(object):
                for part in value:
                    spoil(part)
            elif value.dtype not in (np.bool_, torch.bool):
                value[:] = 0
            else:
                value[:] = False

        expected = play(untouched, actions, seed=0)
        result = envs.reset(seed=0)
        assert_same(as_numpy(result), as_numpy(expected[0]))
        spoil(result)
        for action, step in zip(actions, expected[1:], strict=True):
            result = envs.step(action)
            assert_same(as_numpy(result), as_numpy(step))
            spoil(result)


def test_actions_are_left_alone_and_not_kept() -> None:
    for device in (None, "cpu"):
        envs = native(device=device)
        envs.reset(seed=0)
        action: Any = np.full((N, 12), 0.5, np.float32)
        action = action if device is None else torch.from_numpy(action)
        observations = envs.step(action)[0]
        action[:] = -1
        assert (observations["location"] == 0.5).all()


def test_a_failed_reset_or_step_changes_nothing() -> None:
    bad_steps: list[tuple[Any, type[Exception], str]] = [
        (np.full((N, 12), np.nan, np.float32), ValueError, "finite"),
        (torch.full((N, 12), torch.inf), ValueError, "finite"),
        (np.zeros((N, 11), np.float32), ValueError, r"\(5, 12\).*\(5, 11\)"),
        (np.zeros((N + 1, 12), np.float32), ValueError, r"\(5, 12\).*\(6, 12\)"),
        (np.zeros(12, np.float32), ValueError, r"\(12,\)"),
        (np.zeros((N, 12), np.int64), TypeError, "int64"),
        (torch.zeros((N, 12), dtype=torch.int64), TypeError, "int64"),
        (None, TypeError, "object"),
    ]
    bad_resets: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"options": {"index": 3}}, ValueError, r"\(5,\).*\(\)"),
        ({"options": {"index": [1, 2]}}, ValueError, r"\(5,\).*\(2,\)"),
        ({"options": {"index": [0, 1, 2, 3, 10**7]}}, IndexError, "10000000"),
        ({"options": {"index": [0, 1, 2, 3, -1]}}, IndexError, "-1"),
        ({"options": {"index": np.zeros(N)}}, TypeError, "integers"),
        ({"options": {"idx": np.arange(N)}}, ValueError, "'index'"),
        ({"options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"options": {"episode": np.arange(N)}}, TypeError, "episode"),
        ({"seed": 8, "options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"seed": [1, 2, 3]}, ValueError, "5 seeds.*3"),
        ({"seed": -1}, ValueError, "-1"),
        ({"seed": [1, 2, 3, 4, -1]}, ValueError, "-1"),
        ({"seed": 1.5}, TypeError, "1.5"),
        ({"seed": [0.0] * N}, TypeError, "0.0"),
    ]
    for device in (None, "cpu"):
        envs, untouched = (native(reward="information", device=device) for _ in range(2))
        actions = sample(2 * T)
        got, expected = [envs.reset(seed=0)], play(untouched, actions, seed=0)
        for action in actions:
            for bad_action, error, message in bad_steps:
                with pytest.raises(error, match=message):
                    envs.step(bad_action)
            for kwargs, error, message in bad_resets:
                with pytest.raises(error, match=message):
                    envs.reset(**kwargs)
            got.append(envs.step(action))
        assert_same(as_numpy(got), as_numpy(expected))
        assert_same(as_numpy(envs.reset()), as_numpy(untouched.reset()))


def test_stepping_before_reset() -> None:
    envs = native(reward="entropy")
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        envs.step(sample(1)[0])
    actions = sample(T)
    assert_same(play(envs, actions, seed=0), play(native(reward="entropy"), actions, seed=0))


def test_seeds_of_numpy_integers() -> None:
    expected = native().reset(seed=3)
    assert_same(native().reset(seed=np.int64(3)), expected)  # type: ignore[arg-type]
    assert_same(native().reset(seed=np.arange(3, 3 + N)), expected)  # type: ignore[arg-type]


def test_unseeded_environments_differ() -> None:
    assert (native(num_envs=50).reset()[1]["index"] != native(num_envs=50).reset()[1]["index"]).any()


def test_spaces_and_metadata() -> None:
    envs, env = native(), gym.make(PLAIN)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.single_observation_space == env.observation_space
    assert envs.single_action_space == env.action_space
    assert envs.num_envs == N
    observations, _ = envs.reset(seed=0)
    assert observations in envs.observation_space
    for _ in range(2 * T):
        assert envs.step(envs.action_space.sample())[0] in envs.observation_space


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_envs": 1},
        {"num_envs": 3, "vectorization_mode": "vector_entry_point"},
        {"num_envs": 3, "vectorization_mode": "sync"},
        {"num_envs": 2, "device": "cpu"},
        {"num_envs": 2, "device": None, "reward": None},
        {
            "num_envs": 2,
            "split": "test",
            "num_glimpses": 2,
            "glimpse_size": 5,
            "num_scales": 2,
            "initial_location": [0, 0],
            "canvas_size": 50,
            "num_distractors": 1,
            "reward": "entropy",
            "reward_weight": 1,
            "render_mode": "rgb_array",
            "data_dir": "nowhere",
        },
    ],
)
def test_make_vec_accepts(arguments: dict[str, Any]) -> None:
    envs = gym.make_vec(PLAIN, **arguments)
    envs.reset(seed=0)
    assert len(envs.step(envs.action_space.sample())[1]) == arguments.get("num_envs", 1)
    again = gym.make_vec(envs.spec)
    assert again.num_envs == envs.num_envs
    assert type(again) is type(envs)


def test_without_a_mode_the_native_one_is_taken() -> None:
    assert isinstance(gym.make_vec(PLAIN, num_envs=2).unwrapped, glimpse_env.GlimpseVectorEnv)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs.*0"),
        ({"num_envs": -3}, ValueError, "num_envs.*-3"),
        ({"num_envs": 2.5}, TypeError, r"num_envs.*2\.5"),
        ({"num_envs": "4"}, TypeError, "num_envs.*'4'"),
        ({"device": "gpu"}, ValueError, "gpu"),
        ({"render_mode": "human"}, ValueError, "human"),
        ({"devise": "cpu"}, ValueError, "Did you mean 'device'"),
        ({"rewards": "hard"}, ValueError, "Did you mean 'reward'"),
        ({"reward": "entropic"}, ValueError, "Did you mean 'entropy'"),
        ({"num_glimpses": 0}, ValueError, "num_glimpses.*0"),
        ({"canvas_size": 20}, ValueError, "canvas_size.*28.*20"),
    ],
)
def test_make_vec_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        gym.make_vec(PLAIN, vectorization_mode="vector_entry_point", **arguments)


def test_rendering() -> None:
    envs, silent = native(num_envs=2, render_mode="rgb_array"), native(num_envs=2)
    assert silent.render() is None
    with pytest.raises(ResetNeeded):
        envs.render()
    envs.reset(seed=0)
    env = gym.make(PLAIN, render_mode="rgb_array")
    env.reset(seed=1)
    frames = envs.render()
    assert isinstance(frames, Sequence)
    assert len(frames) == 2
    assert_same(frames[1], env.render())


def test_episode_statistics() -> None:
    envs = RecordEpisodeStatistics(native(reward="entropy", num_glimpses=3))
    plain = native(reward="entropy", num_glimpses=3)
    actions = sample(6)
    steps, expected = play(envs, actions, seed=0)[1:], play(plain, actions, seed=0)[1:]
    for end in (3, 6):
        episode = steps[end - 1][4]["episode"]
        total = sum(step[1] for step in expected[end - 3 : end])
        np.testing.assert_allclose(episode["r"], total, rtol=1e-6)
        assert episode["l"].tolist() == [3] * N
    assert all("episode" not in steps[i][4] for i in (0, 1, 3, 4))


def test_world_specs_survive_pickling() -> None:
    envs = native(reward="entropy", reward_weight=0.1)
    spec = pickle.loads(pickle.dumps(envs.spec))
    actions = sample(T)
    assert_same(play(gym.make_vec(spec), actions, seed=0), play(envs, actions, seed=0))


@pytest.mark.parametrize("device", ["gpu", "", 3.5, "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: Any) -> None:
    with pytest.raises(ValueError, match="expected a device that torch has here"):
        gym.make_vec("GlimpseDigits-v0", 2, vectorization_mode="vector_entry_point", device=device)
