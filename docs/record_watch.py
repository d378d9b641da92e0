"""Records docs/watch.gif: the page of MNIST in Chromium, where somebody steps, draws a 3 and moves a glimpse.

python docs/record_watch.py
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
THREE = [(0.32, 0.25), (0.6, 0.22), (0.62, 0.42), (0.45, 0.48), (0.65, 0.55), (0.62, 0.78), (0.32, 0.75)]
NUM_GLIMPSES = 6
WIDTH = 800


def main() -> None:
    """Plays the scene and writes the frames."""
    frames: list[Any] = []
    seconds: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1180}, color_scheme="light")

        def keep(duration: float) -> None:
            image = Image.open(io.BytesIO(page.screenshot()))
            size = (WIDTH, WIDTH * image.height // image.width)
            frames.append(image.convert("RGB").resize(size).quantize(64))
            seconds.append(duration)

        def move(frame: str, x: float, y: float) -> None:
            box = page.locator(frame).bounding_box()
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)

        page.goto((DOCS / "_static" / "watch-mnist.html").as_uri())
        keep(1)
        for _ in range(NUM_GLIMPSES - 1):
            page.click("#next")
            keep(0.7)
        page.click("#clear")
        move("#picture-frame", *THREE[0])
        page.mouse.down()
        for x, y in THREE[1:]:
            move("#picture-frame", x, y)
            keep(0.3)
        page.mouse.up()
        page.wait_for_timeout(1000)  # the page centres the drawing
        keep(1.2)
        page.locator(".handle").nth(1).hover(force=True)
        page.mouse.down()
        for x, y in [(0.4, 0.6), (0.3, 0.7), (0.2, 0.85)]:
            move("#gaze-frame", x, y)
            keep(0.4)
        page.mouse.up()
        for _ in range(NUM_GLIMPSES - 2):
            page.click("#next")
            keep(0.7)
        seconds[-1] = 2
        browser.close()
    durations = [int(1000 * each) for each in seconds]
    frames[0].save(DOCS / "watch.gif", save_all=True, append_images=frames[1:], duration=durations, loop=0)


if __name__ == "__main__":
    main()
