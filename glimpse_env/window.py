"""A window on the screen that shows RGB images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium.error import DependencyNotInstalled

if TYPE_CHECKING:
    import pygame


class Window:
    """Shows one image after the other, at a steady pace. It opens with the first image, and takes its size.

    Args:
        title: What the window's title bar says.
        fps: Images shown a second, at most.

    Raises:
        DependencyNotInstalled: If pygame is not installed.
    """

    def __init__(self, title: str, fps: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                'render_mode="human" needs pygame: run `pip install "glimpse-env[human]"`'
            ) from error
        self._pygame = pygame
        self._title = title
        self._fps = fps
        self._clock = pygame.time.Clock()
        self._surface: pygame.Surface | None = None

    def show(self, frame: np.ndarray) -> None:
        """Show an image, then wait until the next one is due.

        Args:
            frame: uint8 (height, width, 3).
        """
        height, width = frame.shape[:2]
        if self._surface is None:
            self._pygame.display.init()
            self._pygame.display.set_caption(self._title)
            self._surface = self._pygame.display.set_mode((width, height))
        # pygame's images are (width, height, 3).
        self._pygame.surfarray.blit_array(self._surface, frame.swapaxes(0, 1))
        # A desktop takes a window that lets its events pile up for one that hangs.
        self._pygame.event.pump()
        self._pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Close the window; without one open, nothing happens."""
        if self._surface is not None:
            self._pygame.display.quit()
            self._surface = None
