"""RAM's parts: shapes, formulas written out, and what the cores remember."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import relu

from agents.policy.networks import (
    CORES,
    CanvasHead,
    ConvolutionalGlimpseNetwork,
    GlimpseNetwork,
    LocationNetwork,
    LSTMCore,
    RNNCore,
    make_core,
    make_glimpse_network,
    make_readout,
)

N, H = 5, 12


def test_the_glimpse_network_combines_what_and_where() -> None:
    network = GlimpseNetwork((2, 4, 4), what_size=7, where_size=3, size=H)
    glimpse, location = torch.rand(N, 2, 4, 4), 2 * torch.rand(N, 2) - 1
    what = relu(glimpse.reshape(N, 32) @ network.what.weight.T + network.what.bias)
    where = relu(location @ network.where.weight.T + network.where.bias)
    # Linear(what) + Linear(where), as the paper writes it, is one linear map of both.
    of_what, of_where = network.combine.weight[:, :7], network.combine.weight[:, 7:]
    expected = relu(what @ of_what.T + where @ of_where.T + network.combine.bias)
    assert torch.allclose(network(glimpse, location), expected, atol=1e-6)


def test_layer_norm_normalises_the_features_before_they_are_rectified() -> None:
    network = GlimpseNetwork((2, 4, 4), what_size=7, where_size=3, size=H, layer_norm=True)
    plain = GlimpseNetwork((2, 4, 4), what_size=7, where_size=3, size=H)
    plain.load_state_dict(network.state_dict(), strict=False)
    glimpse, location = torch.rand(N, 2, 4, 4), 2 * torch.rand(N, 2) - 1
    what, where = plain.what(glimpse.flatten(1)).relu(), plain.where(location).relu()
    combined = plain.combine(torch.cat([what, where], dim=1)).detach()
    deviations = combined - combined.mean(1, keepdim=True)
    expected = relu(deviations / (deviations.square().mean(1, keepdim=True) + 1e-5).sqrt())
    assert torch.allclose(network(glimpse, location), expected, atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_with_layer_norm_no_feature_can_be_0_for_all_that_is_seen(layer_norm: bool) -> None:
    network = GlimpseNetwork((1, 4, 4), what_size=7, where_size=3, size=H, layer_norm=layer_norm)
    with torch.no_grad():
        network.combine.bias -= 100  # as too long a step of the optimizer may leave it
    features = network(torch.rand(500, 1, 4, 4), 2 * torch.rand(500, 2) - 1)
    assert bool((features > 0).any()) == layer_norm


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_glimpse_network_takes_whole_episodes(layer_norm: bool) -> None:
    network = GlimpseNetwork((1, 4, 4), what_size=7, where_size=3, size=H, layer_norm=layer_norm)
    glimpses, locations = torch.rand(3, N, 1, 4, 4), torch.rand(3, N, 2)
    features = network(glimpses, locations)
    assert features.shape == (3, N, H)
    for step in range(3):
        assert torch.allclose(features[step], network(glimpses[step], locations[step]), atol=1e-6)


@pytest.mark.parametrize("name", CORES)
def test_a_core_depends_on_what_it_sees_and_on_what_it_saw(name: str) -> None:
    core = make_core(name, 6, H)
    features, state = torch.rand(N, 6), torch.rand(N, core.state_size)
    after = core(features, state)
    assert after.shape == (N, core.state_size)
    assert not torch.allclose(after, core(torch.rand(N, 6), state))
    assert not torch.allclose(after, core(features, torch.rand(N, core.state_size)))


@pytest.mark.parametrize("name", CORES)
def test_a_core_keeps_the_batch_apart(name: str) -> None:
    core = make_core(name, 6, H)
    features, state = torch.rand(N, 6), torch.rand(N, core.state_size)
    one_by_one = torch.cat([core(features[i : i + 1], state[i : i + 1]) for i in range(N)])
    assert torch.allclose(core(features, state), one_by_one, atol=1e-6)


def test_the_rnn_is_the_papers() -> None:
    core = RNNCore(6, H)
    features, state = torch.rand(N, 6), torch.rand(N, H)
    of_features, of_state = core.linear.weight[:, :6], core.linear.weight[:, 6:]
    expected = relu(features @ of_features.T + state @ of_state.T + core.linear.bias)
    assert torch.allclose(core(features, state), expected, atol=1e-6)


def test_the_state_of_an_lstm_is_the_hidden_state_then_the_cell_state() -> None:
    core = LSTMCore(6, H)
    features, hidden, cell = torch.rand(N, 6), torch.rand(N, H), torch.rand(N, H)
    after = core(features, torch.cat([hidden, cell], dim=-1))
    next_hidden, next_cell = core.cell(features, (hidden, cell))
    assert torch.equal(after[:, :H], next_hidden)
    assert torch.equal(after[:, H:], next_cell)
    assert core.hidden_size == H
    assert core.state_size == 2 * H


def test_an_unknown_core_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"Unknown core 'lstmm'\. Did you mean 'lstm'"):
        make_core("lstmm", 6, H)


def test_locations_are_within_the_canvas() -> None:
    locations = LocationNetwork(H)(100 * torch.randn(3, N, H))
    assert locations.shape == (3, N, 2)
    assert locations.abs().max() <= 1


def test_the_location_network_can_have_a_layer_in_between() -> None:
    network = LocationNetwork(H, location_size=7)
    hidden = torch.randn(3, N, H)
    weights = dict(network.named_parameters())
    layer = relu(hidden @ weights["between.0.weight"].T + weights["between.0.bias"])
    expected = (layer @ weights["linear.weight"].T + weights["linear.bias"]).tanh()
    assert torch.allclose(network(hidden), expected, atol=1e-6)


def test_a_readout_has_a_layer_where_it_is_asked_for() -> None:
    features = torch.randn(5, 7)
    plain = make_readout(7, 0, 2)
    assert isinstance(plain, torch.nn.Linear)
    assert plain(features).shape == (5, 2)
    first, rectified, last = make_readout(7, 11, 2)
    torch.testing.assert_close(
        torch.nn.Sequential(first, rectified, last)(features), last(first(features).clamp(min=0))
    )


def test_the_convolutional_glimpse_network_filters_the_glimpse_first() -> None:
    network = ConvolutionalGlimpseNetwork((2, 8, 8), what_size=7, where_size=3, size=H)
    glimpses, locations = torch.rand(3, N, 2, 8, 8), torch.rand(3, N, 2)
    features = network(glimpses, locations)
    assert features.shape == (3, N, H)
    first, second = network.convolutions[0], network.convolutions[2]
    for step in range(3):
        filtered = relu(first(glimpses[step]))
        # One output of the second layer, written out.
        patch = (filtered[0, :, 1:4, 2:5] * second.weight[5]).sum() + second.bias[5]
        torch.testing.assert_close(network.pixels(glimpses[step])[0, 5, 1, 2], relu(patch))
        what = relu(network.what(network.pixels(glimpses[step]).flatten(1)))
        where = relu(network.where(locations[step]))
        torch.testing.assert_close(features[step], relu(network.combine(torch.cat([what, where], 1))))


def test_the_convolutional_glimpse_network_can_tell_shifted_glimpses_by_their_neighbours() -> None:
    network = ConvolutionalGlimpseNetwork((1, 8, 8), what_size=7, where_size=3, size=H)
    glimpse = torch.zeros(1, 1, 8, 8)
    glimpse[0, 0, 3, 3] = 1
    shifted = glimpse.roll(1, dims=-1)
    torch.testing.assert_close(network.pixels(glimpse)[..., :-1], network.pixels(shifted)[..., 1:])


def test_glimpse_networks_go_by_name() -> None:
    assert type(make_glimpse_network("linear", (1, 8, 8), 7, 3, H)) is GlimpseNetwork
    assert type(make_glimpse_network("convolutional", (1, 8, 8), 7, 3, H)) is ConvolutionalGlimpseNetwork
    with pytest.raises(ValueError, match="'convolutional'"):
        make_glimpse_network("convolution", (1, 8, 8), 7, 3, H)
    with pytest.raises(ValueError, match="5x5"):
        make_glimpse_network("convolutional", (1, 4, 4), 7, 3, H)


def test_the_canvas_head_gives_a_logit_for_each_pixel_and_channel() -> None:
    head = CanvasHead(H, (3, 2, 2))
    hidden = torch.randn(4, 5, H)
    logits = head(hidden)
    assert logits.shape == (4, 5, 3, 2, 2)
    torch.testing.assert_close(logits.flatten(-3), head.linear(hidden))
