"""What all tests share: no window opens, workers do not fight over cores, and MNIST where it is at hand."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from glimpse_env.utils.interruption import SIGNALS
from tests.torch_defaults import OF_THE_USER

# Read when matplotlib and pygame are first imported, so set before any test module is.
os.environ["MPLBACKEND"] = "Agg"
os.environ["SDL_VIDEODRIVER"] = "dummy"

# The first example of a test may import or load what takes long; how fast things are is for the benchmarks.
settings.register_profile("repository", deadline=None)
settings.load_profile("repository")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

# Tests that run in the background ignore signals, and so would the programs that they start and interrupt.
for number in SIGNALS:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@pytest.fixture
def threads_of_the_user() -> Iterator[None]:
    """A number of threads that the user chose, which must be the same after the test."""
    before = torch.get_num_threads()
    torch.set_num_threads(OF_THE_USER)
    yield
    assert torch.get_num_threads() == OF_THE_USER
    torch.set_num_threads(before)


@pytest.fixture
def handlers_are_given_back() -> Iterator[None]:
    """A program that a signal ends ignores all others to its very end; the tests go on."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The data folder, for tests that need MNIST in it; they are skipped where it is not."""
    data_dir = os.environ.get("GLIMPSE_DATA_DIR")
    if not data_dir:
        pytest.skip("needs MNIST: set GLIMPSE_DATA_DIR to a data folder that holds it")
    raw = Path(data_dir, "MNIST", "raw")
    if not all((raw / name).is_file() for name in MNIST_FILES):
        pytest.skip(
            f"needs MNIST, of which {raw} lacks files: get them with "
            f"python -c \"from torchvision.datasets import MNIST; MNIST('{data_dir}', download=True)\""
        )
    return Path(data_dir)
