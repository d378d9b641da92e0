"""The page's modules under node: glimpses, beliefs, imagined canvases and EIG are those of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from explain import expected_information_gain, grid_locations
from explain.knowledge.information import entropy, information_gain, kl_divergence, label_information
from explain.page.weights import store_tensors
from glimpse_env.data.canvases import numbers_needed, place
from glimpse_env.retina import Retina
from tests.explain.page.conftest import as_given

Run = Callable[..., Any]

READ = {
    "network/tensors.js": "readTensors, decodeBase64",
    "retina.js": "Retina, gridLocations",
    "network/agent.js": "Agent",
    "network/vae.js": "VAE",
    "eig.js": "expectedInformationGain",
}
SETUP = """
    const retina = new Retina(...given.retina);
    const agent = new Agent(given.agent.core, readTensors(given.agent.tensors));
    const canvases = given.canvases.map((data) => ({ ...given.shape, pixels: decodeBase64(data) }));
"""
PLAY = """
    return canvases.map((canvas, image) => {
      let state = agent.initialState(canvas);
      return given.locations[image].map((location) => {
        const step = agent.look(canvas, retina, location, state);
        state = step.state;
        return step;
      });
    });
"""

TASKS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "rnn, 28x28": ("GlimpseDigits-v0", {}, {"core": "rnn"}),
    "gru, 28x28, odd glimpses": ("GlimpseDigits-v0", {"glimpse_size": 7}, {"core": "gru", "location_size": 12}),
    "rnn, 28x28, convolutions, 2 scales": (
        "GlimpseDigits-v0",
        {"num_scales": 2},
        {"core": "rnn", "glimpse_network": "convolutional"},
    ),
    "gru, colours, 2 scales": (
        "Glimpse-v0",
        {"dataset": "colours", "glimpse_size": 6, "num_scales": 2, "num_glimpses": 3},
        {"core": "gru"},
    ),
    "lstm, 40x40, context": (
        "GlimpseClutteredDigits-v0",
        {"canvas_size": 40, "context_size": 7},
        {"core": "lstm", "context_features": 6, "location_size": 12},
    ),
    "gru, 28x28, layer norm": ("GlimpseDigits-v0", {}, {"core": "gru", "layer_norm": True}),
    "lstm, 60x60, 3 scales": (
        "GlimpseClutteredDigits-v0",
        {"canvas_size": 60, "glimpse_size": 12, "num_scales": 3},
        {"core": "lstm"},
    ),
}
"""An environment, its arguments, and those of the policy."""


def stacked(episodes: list[list[dict[str, Any]]], name: str) -> Tensor:
    return torch.tensor([[step[name] for step in steps] for steps in episodes])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("float16", 1e-2)])
def test_an_episode_is_that_of_python(
    task: str, precision: str, tolerance: float, run_modules: Run, make_agent: Run, record_few: Run
) -> None:
    env_id, env, policy = TASKS[task]
    agent = make_agent(env_id, env, **policy)
    recording = record_few(agent)
    episodes = run_modules(READ, SETUP + PLAY, **as_given(recording, agent, precision=precision))

    retina = recording.retina
    tables = retina.pool(recording.canvases)
    for glimpse in range(recording.locations.shape[1]):
        expected = retina.glimpses(tables, recording.locations[:, glimpse])
        seen = stacked(episodes, "glimpse")[:, glimpse].view(expected.shape)
        assert torch.equal(seen, expected)
    beliefs = stacked(episodes, "belief")
    assert recording.beliefs.std(0).max() > 0.02  # images differ by more than the tolerance
    torch.testing.assert_close(beliefs, recording.beliefs, atol=tolerance, rtol=0)
    torch.testing.assert_close(stacked(episodes, "state"), recording.hidden, atol=10 * tolerance, rtol=tolerance)
    torch.testing.assert_close(
        stacked(episodes, "next")[:, :-1], recording.locations[:, 1:], atol=10 * tolerance, rtol=0
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "scales"), [(1, 1), (2, 3), (5, 2), (12, 3)])
def test_glimpses_and_coverage_are_equal_everywhere(channels: int, size: int, scales: int, run_modules: Run) -> None:
    rng = np.random.default_rng(size)
    canvas = torch.from_numpy(rng.integers(0, 256, (1, channels, 33, 28), dtype=np.uint8))
    locations = torch.cat([grid_locations(9), torch.from_numpy(rng.uniform(-1.2, 1.2, (60, 2)).astype(np.float32))])
    retina = Retina(size, scales)
    expected = retina.glimpses_everywhere(retina.pool(canvas), locations)[0].flatten(1)
    code = """
        const retina = new Retina(...given.retina);
        const canvas = { ...given.shape, pixels: Uint8Array.from(given.pixels) };
        return {
          glimpses: given.locations.map((location) => retina.look(canvas, location)),
          coverage: retina.coverage(given.locations.slice(-2), canvas),
          grid: gridLocations(9),
        };
    """
    answer = run_modules(
        READ,
        code,
        retina=[size, scales],
        shape={"channels": channels, "height": 33, "width": 28},
        pixels=canvas.flatten().tolist(),
        locations=locations.tolist(),
    )
    assert torch.equal(torch.tensor(answer["glimpses"]), expected)
    coverage = retina.coverage(locations[None, -2:], (33, 28))[0, -1]
    assert torch.equal(torch.tensor(answer["coverage"]).view(33, 28).bool(), coverage)
    torch.testing.assert_close(torch.tensor(answer["grid"]), grid_locations(9))


@pytest.mark.parametrize("task", TASKS)
def test_imagined_canvases_and_eig_are_those_of_python(
    task: str, run_modules: Run, make_agent: Run, make_vae: Run, record_few: Run
) -> None:
    env_id, env, policy = TASKS[task]
    agent = make_agent(env_id, env, **policy)
    recording = record_few(agent, 3)
    vae = make_vae(recording)
    noise = torch.randn(6, 1, vae.settings.latent_size, generator=torch.Generator().manual_seed(3))
    code = (
        SETUP
        + """
        const vae = new VAE(given.shape, readTensors(given.vae));
        const locations = gridLocations(4);
        return given.states.map((state, image) => {
          const imagined = vae.sample(Float32Array.from(state), Float32Array.from(given.noise));
          const map = expectedInformationGain(
            agent, retina, Float32Array.from(state), given.beliefs[image], imagined, locations);
          return { ...map, mean: vae.reconstruct(Float32Array.from(state)).pixels };
        });
        """
    )
    states, beliefs = recording.hidden[:, 1], recording.beliefs[:, 1]
    maps = run_modules(
        READ,
        code,
        **as_given(recording, agent, vae),
        noise=noise.flatten().tolist(),
        states=states.tolist(),
        beliefs=beliefs.tolist(),
    )
    for image in range(3):
        expected = expected_information_gain(
            agent,
            states[image],
            beliefs[image],
            lambda hidden, count, generator: vae.sample(hidden, count, torch.Generator().manual_seed(3)),
            grid_locations(4),
            retina=recording.retina,
            num_samples=6,
        )
        shown = [torch.tensor(maps[image][name]) for name in ("divergence", "mutualInformation")]
        assert expected.divergence.max() > 10 * 1e-3  # else everything would be equal
        torch.testing.assert_close(shown[0], expected.divergence, atol=1e-3, rtol=1e-2)
        torch.testing.assert_close(shown[1], expected.mutual_information, atol=1e-3, rtol=1e-2)

        sampled = vae.sample(states[image][None], 6, torch.Generator().manual_seed(3)).flatten(1) * 255
        pixels = torch.tensor([canvas["pixels"] for canvas in maps[image]["canvases"]])
        assert (pixels - sampled).abs().max() <= 0.51
        assert sampled.std(0).max() > 10  # samples differ
        mean = vae.reconstruct(states[image]).flatten() * 255
        assert (torch.tensor(maps[image]["mean"]) - mean).abs().max() <= 0.51


def test_information_is_that_of_python(run_modules: Run) -> None:
    beliefs = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    code = """
        const [one, sure, other] = given.beliefs;
        return [entropy(one), informationGain(sure), labelInformation(other, 2), divergence(sure, one),
                divergence(one, other), argmax(other)];
    """
    answer = run_modules(
        {"information.js": "entropy, informationGain, labelInformation, divergence, argmax"},
        code,
        beliefs=beliefs.tolist(),
    )
    one, sure, other = beliefs
    expected = [
        entropy(one),
        information_gain(sure),
        label_information(other[None, None], torch.tensor([2]))[0, 0],
        kl_divergence(sure, one),
        kl_divergence(one, other),
        torch.tensor(2.0),
    ]
    torch.testing.assert_close(torch.tensor(answer), torch.stack(expected))


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_weights_arrive_as_they_were_stored(precision: str, run_modules: Run) -> None:
    dtype = {"float16": torch.float16, "float32": torch.float32}[precision]
    special = torch.tensor([0.0, 1.0, -2.5, 6e-8, -5e-6, 65504.0, 1 / 3, 2**-14, 2**-15])
    tensors = {"one": special, "other": torch.randn(3, 4)}
    answer = run_modules(READ, "return readTensors(given.stored);", stored=store_tensors(tensors, precision))
    for name, tensor in tensors.items():
        assert answer[name]["shape"] == list(tensor.shape)
        assert torch.equal(torch.tensor(answer[name]["values"]), tensor.to(dtype).float().flatten())


def test_random_numbers_are_uniform_and_normal(run_modules: Run) -> None:
    code = """
        const uniform = uniformNumbers(3);
        return { normal: normalNumbers(3, 4000), other: normalNumbers(4, 4000),
                 uniform: Array.from({ length: 4000 }, uniform), locations: [1, 2].map(randomLocation) };
    """
    answer = run_modules({"random.js": "uniformNumbers, normalNumbers, randomLocation"}, code)
    uniform, normal = np.array(answer["uniform"]), np.array(answer["normal"])
    assert 0 <= uniform.min() < 0.01 < 0.99 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.02
    assert abs(normal.mean()) < 0.05
    assert abs(normal.std() - 1) < 0.05
    assert abs(np.corrcoef(normal, answer["other"])[0, 1]) < 0.05
    assert np.abs(answer["locations"]).max() <= 1
    assert answer["locations"][0] != answer["locations"][1]


@pytest.mark.parametrize("channels", [1, 3])
def test_cluttered_canvases_are_made_as_in_python(channels: int, run_modules: Run) -> None:
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (5, channels, 12, 10), dtype=np.uint8))
    numbers = torch.from_numpy(rng.random((4, numbers_needed(3))).astype(np.float32))
    expected = place(images, torch.tensor([0, 1, 2, 3]), 20, 3, numbers)
    code = """
        const images = given.images.map((pixels) => ({ ...given.shape, pixels: Uint8Array.from(pixels) }));
        return given.numbers.map((numbers, image) => {
          const next = numbers[Symbol.iterator]();
          const uniform = () => next.next().value;
          const place = [pick(uniform(), 20 - 10 + 1), pick(uniform(), 20 - 12 + 1)];
          const distractors = drawDistractors(images, 20, 3, uniform);
          const background = scatter(distractors, 20, given.shape.channels);
          return composeCanvas(images[image], place, background).pixels;
        });
    """
    canvases = run_modules(
        {"canvas/canvases.js": "pick, drawDistractors, scatter, composeCanvas"},
        code,
        images=images.flatten(1).tolist(),
        shape={"channels": channels, "height": 12, "width": 10},
        numbers=numbers.tolist(),
    )
    assert torch.equal(torch.tensor(canvases, dtype=torch.uint8).view(expected.shape), expected)
