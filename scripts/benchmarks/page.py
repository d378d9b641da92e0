"""The benchmark of the page on which one watches an agent look: its modules under node, on one core."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import explain.page
from agents import REINFORCE
from explain import HiddenStateVAE, VAESettings, record
from explain.page.weights import encode, store_agent, store_vae
from scripts.benchmarks.env import available_ids
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds

MODULES = Path(explain.page.__file__).parent / "modules"
LAYER_SIZE = 160

# A stroke is drawn point by point, as a mouse does; each point is followed by a whole new episode. Times are medians of
# the time on the core, without what other programs take from it.
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
  return times.slice(5).sort((one, other) => one - other)[Math.floor((times.length - 5) / 2)];
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


def benchmark_page(seconds: Seconds = 5.0) -> Benchmark:
    """Milliseconds of what the page computes while the reader waits, on 28x28 with 6 glimpses of 8x8.

    The agent and the VAE are not trained. That makes the map slower than in a real page: imagined canvases are grey
    everywhere, and what is black costs less.

    Args:
        seconds: How long each task is measured.
    """
    plain, _, notes = available_ids()
    measured = measure_page(plain, seconds)
    rows = [
        Row("from a stroke to the beliefs after 6 glimpses: ms", measured.get("stroke"), 16, "{:.1f}", True),
        Row("a map of 13x13 locations with 16 samples: ms", measured.get("map"), 300, "{:.0f}", True),
    ]
    missing = [] if measured else ["Not measured: there is no node, which runs the modules of the page."]
    return Benchmark("The page", rows, [*notes, *missing])


def measure_page(env_id: str, seconds: float) -> dict[str, float]:
    """Runs the modules under node; the milliseconds of each task, or nothing where there is no node."""
    node = shutil.which("node")
    if node is None:
        return {}
    agent = REINFORCE(gym.make(env_id, num_glimpses=6, glimpse_size=8, num_scales=1), seed=0, device="cpu")
    recording = record(agent, agent.make_vec_env(20, split="test"), 20)
    vae = HiddenStateVAE(recording.hidden.shape[-1], (1, 28, 28), VAESettings(layer_size=LAYER_SIZE))
    vae.standardise(recording.hidden.flatten(0, 1))
    given: dict[str, Any] = {
        "seconds": seconds,
        "agent": store_agent(agent),
        "vae": store_vae(vae),
        "shuffledVae": None,
        "originalVae": None,
        "retina": [8, 1],
        "canvas": {"channels": 1, "height": 28, "width": 28},
        "drawing": {"box": 20, "stroke": 2.4},
        "canvases": [encode(np.ascontiguousarray(canvas).tobytes()) for canvas in recording.canvases.numpy()],
    }
    program = f"const folder = {json.dumps(MODULES.as_uri())};\n{PROGRAM}"
    command = [node, "--input-type=module", "-e", program]
    ran = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured
