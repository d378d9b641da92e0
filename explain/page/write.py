"""Writes the page: one HTML file that needs nothing beside it and nothing from the network."""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch import Tensor

from explain.page.examples import choose_examples, drawing_style
from explain.page.inlining import join_modules
from explain.page.weights import encode, store_agent, store_vae
from explain.reconstruction.vae import HiddenStateVAE
from explain.recording import Recording
from glimpse_env.utils.atomic import open_atomic
from glimpse_env.utils.paths import read_file_path

FOLDER = Path(__file__).parent
MAX_BYTES = 6_000_000
"""A page is at most this large."""


def write_page(
    agent: Any,
    vae: HiddenStateVAE,
    examples: Recording,
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    shuffled_vae: HiddenStateVAE | None = None,
    original_vae: HiddenStateVAE | None = None,
    num_distractors: int = 0,
    title: str = "Watch an agent look",
    about: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
) -> Path:
    """Writes one HTML file in which an agent runs in the browser, with its explanation.

    The reader draws, moves glimpses, and sees belief, imagined canvas and expected information gain change. The file
    loads nothing from the network, which its content security policy forbids.

    Args:
        agent: A trained agent of `agents`.
        vae: Reconstructs the canvas from the agent's hidden states. A small one, for example with `layer_size=128`.
        examples: The agent on the test split: the page gets some images that it classifies correctly, and the most
            confident errors.
        path: The file. An older one is replaced when the new one is complete.
        class_names: The name of each class; by default numbers from 0.
        shuffled_vae: The same as `vae`, fitted on shuffled hidden states: a control of the explanation.
        original_vae: Reconstructs the original instead, for canvases that are not the original.
        num_distractors: How many distractors a canvas has.
        title: Title of the page.
        about: Facts about the agent.
        links: Other pages, by what is said about them.

    Returns:
        The file.

    Raises:
        OSError: The file cannot be written. An older one is left as it was.
        ValueError: The page cannot run the agent, a VAE is not one of its canvases, or the page would be larger than
            6 MB. Nothing is written.
    """
    path = read_file_path("path", path)
    names = [str(label) for label in range(examples.beliefs.shape[2])] if class_names is None else list(class_names)
    content = _content(agent, vae, examples, names, shuffled_vae, original_vae, num_distractors)
    data = _render(content, title, about or {}, links or {}).encode()
    if len(data) > MAX_BYTES:
        height, width = examples.canvases.shape[2:]
        raise ValueError(
            f"expected a page of at most {MAX_BYTES / 1e6:.0f} MB, got {len(data) / 1e6:.1f} MB for canvases of "
            f"{width}x{height} pixels: fit VAEs with a smaller layer_size than {vae.settings.layer_size}"
        )
    with open_atomic(path) as file:
        file.write(data)
    return path


def _content(
    agent: Any,
    vae: HiddenStateVAE,
    recording: Recording,
    class_names: list[str],
    shuffled_vae: HiddenStateVAE | None,
    original_vae: HiddenStateVAE | None,
    num_distractors: int,
) -> dict[str, Any]:
    """What `modules/content.js` reads."""
    _check_vae(vae, recording.hidden, recording.canvases)
    if shuffled_vae is not None:
        _check_vae(shuffled_vae, recording.hidden, recording.canvases)
    if original_vae is not None:
        _check_vae(original_vae, recording.hidden, recording.originals)
    if len(class_names) != recording.beliefs.shape[2]:
        raise ValueError(f"expected {recording.beliefs.shape[2]} class names, got {len(class_names)}")
    chosen = choose_examples(recording)
    canvases, originals = recording.canvases[chosen], recording.originals[chosen]
    retina = recording.retina
    return {
        "agent": store_agent(agent),
        "vae": store_vae(vae),
        "shuffledVae": None if shuffled_vae is None else store_vae(shuffled_vae),
        "originalVae": None if original_vae is None else store_vae(original_vae),
        "retina": [retina.glimpse_size, retina.num_scales],
        "canvas": _shape(canvases),
        "image": _shape(originals),
        "isPlaced": not recording.canvas_is_original(),
        "classNames": class_names,
        "numGlimpses": recording.locations.shape[1],
        "numDistractors": num_distractors,
        "drawing": asdict(drawing_style(recording.originals)) if originals.shape[1] == 1 else None,
        "examples": {
            "canvases": _pixels(canvases),
            "originals": _pixels(originals),
            "labels": recording.labels[chosen].tolist(),
            "locations": recording.locations[chosen, 0].tolist(),
        },
    }


def _check_vae(vae: Any, hidden: Tensor, images: Tensor) -> None:
    if not isinstance(vae, HiddenStateVAE):
        raise ValueError(f"expected a HiddenStateVAE of the agent's hidden states, got {vae!r}")
    expected = (hidden.shape[2], tuple(images.shape[1:]))
    got = (vae.hidden_size, tuple(vae.image_shape))
    if got != expected:
        raise ValueError(
            f"expected a VAE from hidden states of {expected[0]} units to images of shape {expected[1]}, "
            f"got one from {got[0]} units to {got[1]}"
        )


def _shape(images: Tensor) -> dict[str, int]:
    channels, height, width = images.shape[1:]
    return {"channels": channels, "height": height, "width": width}


def _pixels(images: Tensor) -> str:
    return encode(images.cpu().contiguous().numpy().tobytes())


def _render(content: dict[str, Any], title: str, about: Mapping[str, Any], links: Mapping[str, str]) -> str:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, worker = (join_modules(FOLDER / "modules" / name) for name in ("app.js", "worker.js"))
    style = (FOLDER / "templates" / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(
        content=content,
        title=title,
        about=about,
        links=links,
        highest=math.log(len(content["classNames"])),
        script=script,
        worker=worker,
        style=style,
        policy=_security_policy(script, style),
    )


def _security_policy(script: str, style: str) -> str:
    """Allows this script, its worker and this style, and nothing from the network."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in (script, style)]
    return (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; worker-src blob:; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
