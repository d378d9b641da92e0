"""The Recurrent Attention Model in one plain loop of torch, without this package's networks and environments.

The speed of training is compared with it. The model, the losses and the optimizer are those of `REINFORCE` with its
default settings, on images that lie in memory. It has no other options, no log, no checkpoints, and no check of its
numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from glimpse_env.utils.threads import torch_threads
from scripts.benchmarks.timing import Workload

GLIMPSE, HIDDEN, NUM_GLIMPSES, STD = 8, 256, 6, 0.1


class PlainRAM(nn.Module):
    """Glimpse network, core and heads of Mnih et al. (2014), section 3.1."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.what, self.where = nn.Linear(GLIMPSE**2, 128), nn.Linear(2, 128)
        self.combine, self.core = nn.Linear(256, HIDDEN), nn.Linear(2 * HIDDEN, HIDDEN)
        self.locator, self.classifier, self.baseline = (nn.Linear(HIDDEN, size) for size in (2, num_classes, 1))

    def forward(self, glimpse: Tensor, location: Tensor, hidden: Tensor) -> Tensor:
        """Takes in glimpses `(N, 64)` at locations `(N, 2)`; returns the next hidden state, `(N, HIDDEN)`."""
        features = torch.cat([self.what(glimpse).relu(), self.where(location).relu()], dim=1)
        return self.core(torch.cat([self.combine(features).relu(), hidden], dim=1)).relu()


def look(padded: Tensor, locations: Tensor) -> Tensor:
    """Cuts glimpses `(N, 64)` out of images with a border, `(N, H + GLIMPSE, W + GLIMPSE)`, at locations `(N, 2)`."""
    count, height, width = padded.shape
    sizes = torch.tensor([width - GLIMPSE, height - GLIMPSE])
    left, top = ((locations.clamp(-1, 1) + 1) / 2 * sizes).long().unbind(1)
    along = torch.arange(GLIMPSE)
    rows, columns = top[:, None, None] + along[:, None], left[:, None, None] + along
    return padded[torch.arange(count)[:, None, None], rows, columns].flatten(1)


def train_plain_loop(images: Tensor, labels: Tensor, batch_size: int) -> Workload:
    """Returns a workload that trains for a number of iterations on images `(M, H, W)` uint8, and counts images."""
    padded = pad(images, [GLIMPSE // 2] * 4)
    model = PlainRAM(int(labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def iterate() -> None:
        chosen = torch.randint(len(images), (batch_size,))
        canvases, targets = padded[chosen] / 255, labels[chosen]
        location, hidden = torch.rand(batch_size, 2) * 2 - 1, torch.zeros(batch_size, HIDDEN)
        log_probs, values = [], []
        for _ in range(NUM_GLIMPSES):
            hidden = model(look(canvases, location), location, hidden)
            policy = torch.distributions.Normal(model.locator(hidden.detach()).tanh(), STD)
            location = policy.sample()
            log_probs.append(policy.log_prob(location).sum(1))
            values.append(model.baseline(hidden.detach()).squeeze(1))
        logits = model.classifier(hidden)
        reward = (logits.argmax(1) == targets).float()
        log_prob, value = torch.stack(log_probs[:-1]), torch.stack(values[:-1])
        loss = cross_entropy(logits, targets) + (value - reward).square().mean()
        loss -= 0.1 * (log_prob * (reward - value.detach())).sum(0).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()

    def workload(iterations: int = 50) -> int:
        with torch_threads(1):
            for _ in range(iterations):
                iterate()
        return iterations * batch_size

    return workload
