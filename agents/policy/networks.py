"""The parts of the Recurrent Attention Model, under the names of its paper (Mnih et al. 2014, section 3.1).

The glimpse network turns a glimpse and its location into features. The core carries a hidden state from glimpse to
glimpse. Three heads read the hidden state: the location network gives the mean of the next location, the classifier
the logits, and the baseline an estimate of the reward that is still to come. A fourth, which the paper has not, may
predict the canvas.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from glimpse_env.utils.errors import unknown_name_error
from glimpse_env.utils.layers import make_layer


class GlimpseNetwork(nn.Module):
    """Combines what was seen with where it was seen, `Rect(Linear(what) + Linear(where))`.

    Args:
        glimpse_shape: Shape of a glimpse, `(num_scales * channels, g, g)`.
        what_size: Features of the glimpse before they are combined.
        where_size: Features of the location before they are combined.
        size: Features of both.
        layer_norm: Whether the sum is normalised before it is rectified (Ba, Kiros and Hinton 2016). Without that,
            rectified units die when learning is fast: they are 0 for whatever is seen, and then learn nothing any more.
        generator: Draws the weights; by default torch's global one, as for the layers of torch.
    """

    def __init__(
        self,
        glimpse_shape: tuple[int, ...],
        what_size: int,
        where_size: int,
        size: int,
        layer_norm: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.what = make_layer(nn.Linear, int(torch.Size(glimpse_shape).numel()), what_size, generator=generator)
        self.where = make_layer(nn.Linear, 2, where_size, generator=generator)
        self.combine = make_layer(nn.Linear, what_size + where_size, size, generator=generator)
        self.norm = nn.LayerNorm(size, device="cpu", dtype=torch.float32) if layer_norm else nn.Identity()
        self.size = size

    def forward(self, glimpse: Tensor, location: Tensor) -> Tensor:
        """Maps glimpses `(..., num_scales * channels, g, g)` and locations `(..., 2)` to features `(..., size)`."""
        what = self.what(self.pixels(glimpse).flatten(-3)).relu()
        where = self.where(location).relu()
        features: Tensor = self.norm(self.combine(torch.cat([what, where], dim=-1)))
        return features.relu()

    def pixels(self, glimpse: Tensor) -> Tensor:
        """What the linear map of the glimpse reads, `(..., channels, height, width)`: here the glimpse itself."""
        return glimpse


class ConvolutionalGlimpseNetwork(GlimpseNetwork):
    """A glimpse network that filters the glimpse by two layers of 32 rectified 3x3 convolutions first.

    Arguments as of `GlimpseNetwork`.

    Raises:
        ValueError: A glimpse is smaller than 5x5 pixels, so that the convolutions leave nothing of it.
    """

    def __init__(
        self,
        glimpse_shape: tuple[int, ...],
        what_size: int,
        where_size: int,
        size: int,
        layer_norm: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        channels, height, width = glimpse_shape
        if min(height, width) < 5:
            raise ValueError(f"expected glimpses of at least 5x5 pixels for convolutions, got {height}x{width}")
        super().__init__((32, height - 4, width - 4), what_size, where_size, size, layer_norm, generator)
        self.convolutions = nn.Sequential(
            make_layer(nn.Conv2d, channels, 32, 3, generator=generator),
            nn.ReLU(),
            make_layer(nn.Conv2d, 32, 32, 3, generator=generator),
            nn.ReLU(),
        )

    def pixels(self, glimpse: Tensor) -> Tensor:
        """The filtered glimpse, `(..., 32, g - 4, g - 4)`."""
        batch = glimpse.shape[:-3]
        filtered: Tensor = self.convolutions(glimpse.reshape(-1, *glimpse.shape[-3:]))
        return filtered.reshape(*batch, *filtered.shape[1:])


GLIMPSE_NETWORKS = {"linear": GlimpseNetwork, "convolutional": ConvolutionalGlimpseNetwork}


def make_glimpse_network(
    name: str,
    glimpse_shape: tuple[int, ...],
    what_size: int,
    where_size: int,
    size: int,
    layer_norm: bool = False,
    generator: torch.Generator | None = None,
) -> GlimpseNetwork:
    """Makes the glimpse network of that name, one of `GLIMPSE_NETWORKS`, with the arguments of `GlimpseNetwork`.

    Raises:
        ValueError: There is no glimpse network of that name, or glimpses are too small for it.
    """
    if not (isinstance(name, str) and name in GLIMPSE_NETWORKS):
        raise unknown_name_error("glimpse network", name, GLIMPSE_NETWORKS)
    return GLIMPSE_NETWORKS[name](glimpse_shape, what_size, where_size, size, layer_norm, generator)


class RNNCore(nn.Module):
    """The paper's core, `h_t = Rect(Linear(h_{t-1}) + Linear(g_t))`.

    Args:
        input_size: Size of the glimpse network's features.
        hidden_size: Size of the hidden state.
        generator: Draws the weights; by default torch's global one.
    """

    def __init__(self, input_size: int, hidden_size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.linear = make_layer(nn.Linear, input_size + hidden_size, hidden_size, generator=generator)
        self.hidden_size = self.state_size = hidden_size

    def forward(self, features: Tensor, state: Tensor) -> Tensor:
        """Maps features `(N, input_size)` and the state `(N, state_size)` to the next state."""
        return self.linear(torch.cat([features, state], dim=-1)).relu()


class GRUCore(nn.Module):
    """A gated recurrent unit; arguments as of `RNNCore`."""

    def __init__(self, input_size: int, hidden_size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.cell = make_layer(nn.GRUCell, input_size, hidden_size, generator=generator)
        self.hidden_size = self.state_size = hidden_size

    def forward(self, features: Tensor, state: Tensor) -> Tensor:
        """Maps features `(N, input_size)` and the state `(N, state_size)` to the next state."""
        return self.cell(features, state)


class LSTMCore(nn.Module):
    """A long short-term memory; its state holds the hidden state, then the cell state. Arguments as of `RNNCore`."""

    def __init__(self, input_size: int, hidden_size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.cell = make_layer(nn.LSTMCell, input_size, hidden_size, generator=generator)
        self.hidden_size = hidden_size
        self.state_size = 2 * hidden_size

    def forward(self, features: Tensor, state: Tensor) -> Tensor:
        """Maps features `(N, input_size)` and the state `(N, state_size)` to the next state."""
        hidden, cell = state.split(self.hidden_size, dim=-1)
        return torch.cat(self.cell(features, (hidden.contiguous(), cell.contiguous())), dim=-1)


CORES: dict[str, type[RNNCore] | type[GRUCore] | type[LSTMCore]] = {"rnn": RNNCore, "lstm": LSTMCore, "gru": GRUCore}


def make_core(
    name: str, input_size: int, hidden_size: int, generator: torch.Generator | None = None
) -> RNNCore | GRUCore | LSTMCore:
    """Makes the core of that name, one of `CORES`.

    Raises:
        ValueError: There is no core of that name.
    """
    if not (isinstance(name, str) and name in CORES):
        raise unknown_name_error("core", name, CORES)
    return CORES[name](input_size, hidden_size, generator)


def make_readout(
    input_size: int, layer_size: int, output_size: int, generator: torch.Generator | None = None
) -> nn.Module:
    """Makes a linear readout, with a layer of `layer_size` rectified units in between unless that is 0."""
    if layer_size == 0:
        return make_layer(nn.Linear, input_size, output_size, generator=generator)
    return nn.Sequential(
        make_layer(nn.Linear, input_size, layer_size, generator=generator),
        nn.ReLU(),
        make_layer(nn.Linear, layer_size, output_size, generator=generator),
    )


class ContextNetwork(nn.Module):
    """Features of a coarse view of the whole canvas, which say where looking may pay (Ba et al. 2015, "DRAM").

    Args:
        context_shape: Shape of the view, `(channels, context_size, context_size)`.
        size: Number of features.
        generator: Draws the weights; by default torch's global one.
    """

    def __init__(self, context_shape: tuple[int, ...], size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.readout = make_readout(int(torch.Size(context_shape).numel()), size, size, generator)
        self.size = size

    def forward(self, context: Tensor) -> Tensor:
        """Maps views `(..., channels, context_size, context_size)` to features `(..., size)`."""
        features: Tensor = self.readout(context.flatten(-3))
        return features.relu()


class LocationNetwork(nn.Module):
    """The mean of the next location, in (-1, 1).

    Args:
        hidden_size: Size of the hidden state, with the features of the context, if there is one.
        location_size: Units of a layer in between; 0 stands for none, as in the paper. A linear readout cannot tell the
            number of the glimpse from its content, so that a path is easier to learn with a layer.
        generator: Draws the weights; by default torch's global one.
    """

    def __init__(self, hidden_size: int, location_size: int = 0, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.between: nn.Module = nn.Identity()
        if location_size:
            between = make_layer(nn.Linear, hidden_size, location_size, generator=generator)
            self.between = nn.Sequential(between, nn.ReLU())
        self.linear = make_layer(nn.Linear, location_size or hidden_size, 2, generator=generator)

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps hidden states `(..., hidden_size)` to locations `(..., 2)`."""
        return self.linear(self.between(hidden)).tanh()


class CanvasHead(nn.Module):
    """Predicts the average-pooled canvas from the hidden state by a linear map, so that the state must hold the image.

    Args:
        hidden_size: Size of the hidden state.
        canvas_shape: Shape of the pooled canvas, `(channels, side, side)`.
        generator: Draws the weights; by default torch's global one.
    """

    def __init__(
        self, hidden_size: int, canvas_shape: tuple[int, int, int], generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.linear = make_layer(nn.Linear, hidden_size, math.prod(canvas_shape), generator=generator)
        self.canvas_shape, self.side = canvas_shape, canvas_shape[-1]

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps hidden states `(..., hidden_size)` to the logits of pixels, `(..., channels, side, side)`."""
        logits: Tensor = self.linear(hidden)
        return logits.unflatten(-1, self.canvas_shape)
