"""What the tests of the page need: node for its modules, and agents and VAEs of every kind."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import explain.page
import glimpse_env
from agents import REINFORCE
from explain import HiddenStateVAE, Recording, VAESettings, record, write_page
from explain.page.weights import encode, store_agent, store_vae
from glimpse_env.data import datasets

MODULES = Path(explain.page.__file__).parent / "modules"


@pytest.fixture(scope="session")
def run_modules() -> Callable[..., Any]:
    """Runs JavaScript that sees the names of the modules and the `given` values; returns what its `return` returns."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which runs the modules of the page")

    def run(imports: dict[str, str], code: str, **given: Any) -> Any:
        lines = [f'import {{ {names} }} from "{(MODULES / file).as_uri()}";' for file, names in imports.items()]
        lines += [
            'import { readFileSync } from "node:fs";',
            'const given = JSON.parse(readFileSync(0, "utf8"));',
            f"const answer = await (async () => {{ {code} }})();",
            "const plain = (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value;",
            "process.stdout.write(JSON.stringify(answer, plain));",
        ]
        ran = subprocess.run(
            [node, "--input-type=module", "-e", "\n".join(lines)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def load_colours(split: str, data_dir: Path) -> tuple[Any, Any, list[str]]:
    """Images of 30x26 pixels in red, green and blue."""
    rng = np.random.default_rng(len(split))
    return rng.integers(0, 256, (40, 30, 26, 3), dtype=np.uint8), rng.integers(0, 4, 40), ["a", "b", "c", "d"]


@pytest.fixture(scope="module", autouse=True)
def colours() -> Iterator[None]:
    """Registers a data set of images in colour, and forgets it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "_loaders", dict(datasets._loaders))
        glimpse_env.register_dataset("colours", load_colours)
        yield


@pytest.fixture(scope="session")
def make_agent() -> Callable[..., REINFORCE]:
    """Makes an agent with small random weights, whose beliefs differ from image to image."""

    def make(env_id: str = "GlimpseDigits-v0", env: dict[str, Any] | None = None, **policy: Any) -> REINFORCE:
        sizes = {"hidden_size": 24, "what_size": 16, "where_size": 8}
        agent = REINFORCE(gym.make(env_id, **(env or {})), policy_kwargs=sizes | policy, seed=0, device="cpu")
        with torch.no_grad():
            for parameter in agent.policy.parameters():
                parameter.mul_(2)
            agent.policy.classifier.weight.mul_(3)
        return agent

    return make


@pytest.fixture(scope="session")
def make_vae() -> Callable[..., HiddenStateVAE]:
    """Makes a VAE of the canvases of a recording, with random weights."""

    def make(recording: Recording, seed: int = 1) -> HiddenStateVAE:
        torch.manual_seed(seed)
        channels, height, width = recording.canvases.shape[1:]
        settings = VAESettings(target="canvas", latent_size=4, layer_size=16)
        vae = HiddenStateVAE(recording.hidden.shape[2], (channels, height, width), settings)
        vae.standardise(recording.hidden.flatten(0, 1))
        with torch.no_grad():
            vae.decoder[4].weight.mul_(6)
        return vae.eval()

    return make


@pytest.fixture(scope="session")
def record_few() -> Callable[..., Recording]:
    """Records an agent on the first images of its test split."""

    def few(agent: Any, count: int = 12) -> Recording:
        return record(agent, agent.make_vec_env(count, split="test"), count)

    return few


def as_given(recording: Recording, agent: Any, vae: HiddenStateVAE | None = None, precision: str = "float32") -> Any:
    """A recording and its networks as JSON for the modules."""
    channels, height, width = recording.canvases.shape[1:]
    given = {
        "retina": [recording.retina.glimpse_size, recording.retina.num_scales],
        "shape": {"channels": channels, "height": height, "width": width},
        "canvases": [encode(np.ascontiguousarray(canvas).tobytes()) for canvas in recording.canvases.numpy()],
        "locations": recording.locations.tolist(),
        "agent": store_agent(agent, precision),
    }
    return given if vae is None else given | {"vae": store_vae(vae, precision)}


CLASS_NAMES = ["<b>0</b>", "</script><script>throw 1</script>", *map(str, range(2, 10))]
"""Names that would be markup, if the page made any of them."""


@pytest.fixture(scope="session")
def digits_page(make_agent: Any, make_vae: Any, record_few: Any, tmp_path_factory: Any) -> dict[str, Any]:
    """The page of a small agent on digits, with all that it was made of."""
    agent = make_agent(core="gru")
    recording = record_few(agent, 60)
    vae, path = make_vae(recording), tmp_path_factory.mktemp("page") / "page.html"
    shuffled = make_vae(recording, seed=2)
    write_page(agent, vae, recording, path, class_names=CLASS_NAMES, shuffled_vae=shuffled)
    return {"agent": agent, "recording": recording, "vae": vae, "shuffled_vae": shuffled, "path": path}
