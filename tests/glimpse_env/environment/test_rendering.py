"""Rendering: frames as arrays, and the window of Gymnasium's HumanRendering."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.wrappers import HumanRendering

import glimpse_env
from tests.glimpse_env.environment.playing import assert_same, digits, play, sample


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


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield pygame
    pygame.display.quit()


def test_modes() -> None:
    for render_mode in (None, "rgb_array", "human"):
        assert digits(render_mode=render_mode).render_mode == render_mode
    assert digits(render_mode="human").unwrapped.render_mode == "rgb_array"
    assert digits().metadata["render_modes"] == ["rgb_array"]
    assert digits(render_mode="human").metadata["render_modes"] == ["rgb_array", "human"]
    assert gym.make_vec("GlimpseDigits-v0", render_mode="rgb_array").render_mode == "rgb_array"
    with pytest.raises(ValueError, match="render_mode 'human'"):
        gym.make_vec("GlimpseDigits-v0", render_mode="human")
    with pytest.raises(ValueError, match="render_mode 'human'"):
        glimpse_env.GlimpseEnv(dataset="digits", render_mode="human")


@pytest.mark.parametrize("reward", ["hard", "entropy", None])
def test_the_window_shows_every_frame_of_an_episode(pygame: ModuleType, reward: str | None) -> None:
    arguments: dict[str, Any] = {"reward": reward, "num_glimpses": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env, watched = digits(**arguments, render_mode="human"), digits(**arguments, render_mode="rgb_array")
    actions, got, expected = sample(env, 2), [], []
    for one, steps in ((env, got), (watched, expected)):
        steps.append(one.reset(seed=0))
    for action in (*actions, None):
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        assert_same(shown, watched.render())
        assert env.render() is None
        if action is not None:
            got.append(env.step(action))
            expected.append(watched.step(action))
    assert_same(got, expected)
    env.close()
    env.close()
    assert not pygame.display.get_init()


def test_a_window_is_remade_from_its_spec(pygame: ModuleType) -> None:
    env = digits(render_mode="human")
    again = gym.make(env.spec)
    assert str(again) == str(env)
    assert str(again).count(HumanRendering.__name__) == 1


def test_without_pygame_the_window_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match=r"pip install .*glimpse-env\[human\]"):
        digits(render_mode="human")
    digits(render_mode="rgb_array").close()
