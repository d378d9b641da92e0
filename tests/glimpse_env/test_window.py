import sys
import time
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from glimpse_env.window import Window

FRAME = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield pygame
    pygame.display.quit()


def test_shows_the_frame_under_its_title(pygame: ModuleType) -> None:
    window = Window("a title", fps=1000)
    window.show(FRAME)

    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, FRAME)
    assert pygame.display.get_caption()[0] == "a title"


def test_shows_the_latest_frame(pygame: ModuleType) -> None:
    window = Window("", fps=1000)
    window.show(FRAME)
    window.show(255 - FRAME)

    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, 255 - FRAME)


def test_shows_no_more_frames_a_second_than_asked_for(pygame: ModuleType) -> None:
    window = Window("", fps=50)
    window.show(FRAME)
    start = time.perf_counter()
    for _ in range(5):
        window.show(FRAME)
    assert time.perf_counter() - start > 0.08


def test_can_be_closed_twice_and_shown_again(pygame: ModuleType) -> None:
    window = Window("", fps=1000)
    window.show(FRAME)
    window.close()
    window.close()
    assert not pygame.display.get_init()

    window.show(FRAME)
    assert pygame.display.get_init()


def test_closing_a_window_that_never_opened_leaves_the_display_alone(pygame: ModuleType) -> None:
    Window("", fps=1000).close()
    assert not pygame.display.get_init()


def test_says_how_to_install_pygame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match=r"pip install .*glimpse-env\[human\]"):
        Window("", fps=30)
