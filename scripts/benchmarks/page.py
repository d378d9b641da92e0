"""The benchmark of the page on which one watches an agent look: its modules under node, and the page in Chromium."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import explain.page
from agents import REINFORCE
from explain import HiddenStateVAE, VAESettings, record, write_page
from explain.page.weights import encode, store_agent, store_vae
from scripts.benchmarks.env import available_ids
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds

MODULES = Path(explain.page.__file__).parent / "modules"
LAYER_SIZE = 160
MIN_POINTS = 40

# A stroke is drawn point by point, as a mouse does; each point is followed by a whole new episode. Times are those on
# the core, without what other programs take from it.
PROGRAM = """
import { readFileSync } from "node:fs";
const { Networks } = await import(`${folder}/content.js`);
const { decodeBase64 } = await import(`${folder}/network/tensors.js`);
const { normalise, rasterise } = await import(`${folder}/canvas/drawing.js`);
const { computeMap } = await import(`${folder}/imagining.js`);

const given = JSON.parse(readFileSync(0, "utf8"));
const networks = new Networks(given);
const agent = networks.agent("trained");
const play = (canvas) => {
  let state = agent.initialState(canvas);
  let next = [0.2, 0.1];
  let step;
  for (let glimpse = 0; glimpse < 6; glimpse++) {
    step = agent.look(canvas, networks.retina, next, state);
    ({ state, next } = step);
  }
  return step;
};
const measure = (work) => {
  const times = [];
  const end = performance.now() + 1000 * given.seconds;
  do {
    const start = process.cpuUsage();
    work(times.length);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
  } while (performance.now() < end || times.length < 20);
  return times.slice(5);
};
const stroke = Array.from({ length: 80 }, (_, at) => [8 + at / 8, 14 + 9 * Math.sin(at / 12)]);
const canvases = given.canvases.map((data) => ({ ...given.canvas, pixels: decodeBase64(data) }));
const states = canvases.map((canvas) => play(canvas));
console.log(JSON.stringify({
  stroke: measure((at) => play(rasterise(normalise([stroke.slice(0, 2 + (at % 78))], given.canvas, given.drawing),
                                         given.canvas, given.drawing.stroke))),
  map: measure((at) => computeMap(networks, { control: "trained", seed: at, ...states[at % states.length] })),
}));
"""


# Resolves when what was changed before is on the screen.
NEXT_FRAME = "() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))"


def benchmark_page(seconds: Seconds = 5.0) -> Benchmark:
    """Milliseconds of what the page computes while the reader waits, on 28x28 with 6 glimpses of 8x8.

    The agent and the VAE are not trained. That makes the map slower than in a real page: imagined canvases are grey
    everywhere, and what is black costs less.

    Args:
        seconds: How long each task is measured.
    """
    plain, _, notes = available_ids()
    with tempfile.TemporaryDirectory() as folder:
        page, given = _make_page(plain, Path(folder))
        measured = _run_modules(given, seconds)
        missing = [] if measured else ["Not measured: there is no node, which runs the modules of the page."]
        try:
            measured["redraw"] = _draw_in_chromium(page, seconds)
        except (ImportError, OSError) as error:
            missing.append(f"Not measured: the page in Chromium. {error}")
    tasks = {
        "stroke": ("from a stroke to the beliefs after 6 glimpses, under node", 16, "{:.1f}"),
        "map": ("a map of 13x13 locations with 16 samples, under node", 300, "{:.0f}"),
        "redraw": ("from a stroke to a new frame of the page, in Chromium", 16, "{:.1f}"),
    }
    rows = [
        Row(f"{words}: ms, {which}", float(np.quantile(times, level)) if times else None, target, style, True)
        for (words, target, style), times in ((task, measured.get(name)) for name, task in tasks.items())
        for which, level in (("median", 0.5), ("90th percentile", 0.9))
    ]
    return Benchmark("The page", rows, [*notes, *missing])


def _make_page(env_id: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Writes a page, and returns what the modules need of it."""
    agent = REINFORCE(gym.make(env_id, num_glimpses=6, glimpse_size=8, num_scales=1), seed=0, device="cpu")
    recording = record(agent, agent.make_vec_env(20, split="test"), 20)
    vae = HiddenStateVAE(recording.hidden.shape[-1], (1, 28, 28), VAESettings(layer_size=LAYER_SIZE))
    vae.standardise(recording.hidden.flatten(0, 1))
    given = {
        "agent": store_agent(agent),
        "vae": store_vae(vae),
        "shuffledVae": None,
        "originalVae": None,
        "retina": [8, 1],
        "canvas": {"channels": 1, "height": 28, "width": 28},
        "drawing": {"box": 20, "stroke": 2.4},
        "canvases": [encode(np.ascontiguousarray(canvas).tobytes()) for canvas in recording.canvases.numpy()],
    }
    return write_page(agent, vae, recording, folder / "page.html"), given


def _run_modules(given: dict[str, Any], seconds: float) -> dict[str, list[float]]:
    """Runs the modules under node; the milliseconds that each task took, or nothing where there is no node."""
    node = shutil.which("node")
    if node is None:
        return {}
    program = f"const folder = {json.dumps(MODULES.as_uri())};\n{PROGRAM}"
    command = [node, "--input-type=module", "-e", program]
    given = {**given, "seconds": seconds}
    ran = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    measured: dict[str, list[float]] = json.loads(ran.stdout)
    return measured


def _draw_in_chromium(page_file: Path, seconds: float) -> list[float]:
    """Draws on the page, point by point.

    Returns:
        The milliseconds that each point took on the main thread of the page, without what other programs take from it:
        the episode, all views, style, layout and painting, and about one millisecond of measuring.

    Raises:
        ImportError: Playwright is not installed, which the extra `docs` brings.
        FileNotFoundError: There is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("There is no program chromium.")
    times: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(page_file.as_uri())
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})

        def time_on_main_thread() -> float:
            metrics = tools.send("Performance.getMetrics")["metrics"]
            return 1000 * float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

        box = page.locator("#picture-frame").bounding_box()
        assert box is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(times) < MIN_POINTS:
            at = len(times) % 80
            if at == 0:  # a new stroke, in place of the one before
                page.mouse.up()
                page.click("#clear")
                page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
                page.mouse.down()
            x, y = 8 + at / 8, 14 + 9 * math.sin(at / 12)
            page.evaluate(NEXT_FRAME)
            start = time_on_main_thread()
            page.mouse.move(box["x"] + x * box["width"] / 28, box["y"] + y * box["height"] / 28)
            page.evaluate(NEXT_FRAME)
            times.append(time_on_main_thread() - start)
        browser.close()
    return times[5:]
