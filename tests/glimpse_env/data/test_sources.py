"""The built-in data sets: what they hold, and how missing or damaged files are reported."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
import sklearn.datasets
import torch
import torchvision
from filelock import FileLock

from glimpse_env.data import datasets, sources
from glimpse_env.data.datasets import DatasetError, load_dataset

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


@pytest.fixture
def mnist_test_copy(mnist_dir: Path, tmp_path: Path) -> Path:
    """A folder with MNIST's two test files, free to be damaged."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        shutil.copyfile(mnist_dir / "MNIST" / "raw" / name, raw / name)
    return tmp_path


def contents(folder: Path) -> list[str]:
    """The names of what is in a data folder, without the lock that stays there."""
    return sorted(path.name for path in folder.iterdir() if path.name != sources.LOCK)


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def write_blank_test_split(raw: Path) -> None:
    write_idx(raw / "t10k-images-idx3-ubyte", np.zeros((10_000, 28, 28), np.uint8))
    write_idx(raw / "t10k-labels-idx1-ubyte", np.arange(10_000, dtype=np.uint8) % 10)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("split", "count"), [("train", 1437), ("test", 360)])
def test_digits_look_like_mnist(split: str, count: int) -> None:
    digits = load_dataset("digits", split)
    assert digits.images.shape == (count, 1, 28, 28)
    assert digits.images.dtype == torch.uint8
    assert digits.images.is_contiguous()
    assert [int(digits.images.min()), int(digits.images.max())] == [0, 255]
    assert digits.labels.dtype == torch.int64
    assert digits.class_names == tuple("0123456789")
    fractions = digits.labels.bincount() / count
    assert torch.allclose(fractions, torch.full((10,), 0.1), atol=0.01)


def test_digits_keep_their_labels_and_are_split_without_overlap() -> None:
    small, labels = sklearn.datasets.load_digits(return_X_y=True)
    splits = [load_dataset("digits", split) for split in ("train", "test")]
    for digits in splits:
        pooled = torch.nn.functional.adaptive_avg_pool2d(digits.images.double(), 8).flatten(1) * (16 / 255)
        originals = torch.cdist(pooled, torch.from_numpy(small)).argmin(1).numpy()
        assert (labels[originals] == digits.labels.numpy()).all()
    images = torch.cat([digits.images for digits in splits])
    assert len(images.unique(dim=0)) == len(images) == len(small)


def test_mnist_is_torchvisions(mnist_dir: Path) -> None:
    mnist = load_dataset("mnist", "test", mnist_dir)
    theirs = torchvision.datasets.MNIST(mnist_dir, train=False)
    assert mnist.images.shape == (10_000, 1, 28, 28)
    assert torch.equal(mnist.images[:, 0], theirs.data)
    assert torch.equal(mnist.labels, theirs.targets)
    assert mnist.class_names == tuple("0123456789")


def test_mnist_pixels_are_held_without_a_copy(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[torch.Tensor] = []
    read_image_file = torchvision.datasets.mnist.read_image_file

    def spy(path: str) -> torch.Tensor:
        read.append(read_image_file(path))
        return read[-1]

    monkeypatch.setattr(torchvision.datasets.mnist, "read_image_file", spy)
    monkeypatch.setattr(datasets, "_held", {})
    assert load_dataset("mnist", "test", mnist_dir).images.data_ptr() == read[0].data_ptr()


def test_mnist_loads_from_a_read_only_folder(mnist_test_copy: Path) -> None:
    before = sorted(mnist_test_copy.rglob("*"))
    folders = [mnist_test_copy, *filter(Path.is_dir, before)]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert len(load_dataset("mnist", "test", mnist_test_copy).images) == 10_000
        assert sorted(mnist_test_copy.rglob("*")) == before  # Also where permissions do not bind, as for root.
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_mnists_relatives(name: str, tmp_path: Path) -> None:
    folder = {"fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}[name]
    write_blank_test_split(tmp_path / folder / "raw")
    dataset = load_dataset(name, "test", tmp_path)
    assert dataset.images.shape == (10_000, 1, 28, 28)
    assert dataset.labels[:3].tolist() == [0, 1, 2]
    assert dataset.class_names == tuple(getattr(torchvision.datasets, folder).classes)


@pytest.fixture
def cifar10_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10 with two images a batch. Pixel values tell channel (x100) and row."""
    cifar10, checksums = torchvision.datasets.CIFAR10, {}
    channel, row, _ = np.ogrid[:3, :32, :32]
    image = np.broadcast_to(channel * 100 + row, (3, 32, 32)).astype(np.uint8)
    contents = {
        name: {"data": np.stack([image, image]).reshape(2, -1), "labels": [number, 9]}
        for number, (name, _) in enumerate(cifar10.train_list + cifar10.test_list)
    }
    contents[cifar10.meta["filename"]] = {"label_names": [f"class {i}" for i in range(10)]}
    for name, content in contents.items():
        path = tmp_path / cifar10.base_folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(content))
        checksums[name] = md5(path)
    monkeypatch.setattr(cifar10, "train_list", [[name, checksums[name]] for name, _ in cifar10.train_list])
    monkeypatch.setattr(cifar10, "test_list", [[name, checksums[name]] for name, _ in cifar10.test_list])
    monkeypatch.setattr(cifar10, "meta", {**cifar10.meta, "md5": checksums[cifar10.meta["filename"]]})
    return tmp_path


def test_cifar10_is_channel_first(cifar10_dir: Path) -> None:
    cifar10 = load_dataset("cifar10", "train", cifar10_dir)
    assert cifar10.images.shape == (10, 3, 32, 32)
    assert cifar10.images.is_contiguous()
    assert cifar10.images[0, :, 5, 0].tolist() == [5, 105, 205]
    assert cifar10.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert cifar10.class_names[9] == "class 9"


def test_a_damaged_cifar10_file_is_named(cifar10_dir: Path) -> None:
    path = cifar10_dir / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match="data_batch_3 is altered or truncated"):
        load_dataset("cifar10", "test", cifar10_dir)


@pytest.fixture
def svhn_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SVHN's test split with two images. Pixel values tell channel (x100) and row."""
    row, _, channel, _ = np.ogrid[:32, :32, :3, :2]
    images = np.broadcast_to(channel * 100 + row, (32, 32, 3, 2)).astype(np.uint8)
    path = tmp_path / "test_32x32.mat"
    scipy.io.savemat(path, {"X": images, "y": np.array([[10], [3]], np.uint8)})
    svhn = torchvision.datasets.SVHN
    monkeypatch.setattr(svhn, "split_list", {**svhn.split_list, "test": ["http://nowhere", path.name, md5(path)]})
    return tmp_path


def test_svhn_is_channel_first(svhn_dir: Path) -> None:
    svhn = load_dataset("svhn", "test", svhn_dir)
    assert svhn.images.shape == (2, 3, 32, 32)
    assert svhn.images.is_contiguous()
    assert svhn.images[0, :, 5, 0].tolist() == [5, 105, 205]
    assert svhn.labels.tolist() == [0, 3]
    assert svhn.num_classes == 10


def test_a_damaged_svhn_file_is_named(svhn_dir: Path) -> None:
    (svhn_dir / "test_32x32.mat").write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"test_32x32\.mat is altered or truncated"):
        load_dataset("svhn", "test", svhn_dir)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]),
        ("kmnist", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]),
        ("cifar10", ["data_batch_1", "test_batch", "batches.meta"]),
        ("svhn", ["test_32x32.mat"]),
    ],
)
def test_without_network_one_error_says_what_is_missing_and_what_works(
    name: str, files: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with pytest.raises(DatasetError) as raised:
        load_dataset(name, "test", folder)
    message = str(raised.value)
    for part in [str(folder), *files, "no network in tests", "GLIMPSE_DATA_DIR", "GlimpseDigits-v0"]:
        assert part in message
    assert "\n" not in message
    assert contents(folder) == []


def test_a_download_that_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(self: torchvision.datasets.MNIST) -> None:
        raw = Path(self.raw_folder)
        raw.mkdir(parents=True)
        (raw / "t10k-images-idx3-ubyte").write_bytes(b"half")
        raise ConnectionResetError("connection lost")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", break_off)
    with pytest.raises(DatasetError, match="connection lost"):
        load_dataset("mnist", "test", tmp_path)
    assert contents(tmp_path) == []


@pytest.fixture
def svhn_source(svhn_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets torchvision "download" SVHN from a folder."""

    def download(self: torchvision.datasets.SVHN) -> None:
        shutil.copy(svhn_dir / self.filename, self.root)

    monkeypatch.setattr(torchvision.datasets.SVHN, "download", download)


@pytest.mark.usefixtures("svhn_source")
def test_what_was_downloaded_is_put_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert load_dataset("svhn", "test", folder).labels.tolist() == [0, 3]
    assert contents(folder) == ["test_32x32.mat"]


def test_a_folder_in_the_data_folder_may_be_a_link_to_another_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename_within_a_folder(source: str | Path, target: str | Path) -> None:
        if Path(source).resolve().parent != Path(target).resolve().parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    def download(self: torchvision.datasets.KMNIST) -> None:
        raw = Path(self.raw_folder)
        write_blank_test_split(raw)
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
            (raw / name).touch()

    rename = os.rename
    monkeypatch.setattr(os, "rename", rename_within_a_folder)
    monkeypatch.setattr(os, "replace", rename_within_a_folder)
    monkeypatch.setattr(torchvision.datasets.KMNIST, "download", download)
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "KMNIST").symlink_to(elsewhere)
    assert len(load_dataset("kmnist", "test", folder).images) == 10_000
    assert len(list((elsewhere / "raw").iterdir())) == 4
    assert contents(folder) == ["KMNIST"]


@pytest.mark.usefixtures("svhn_source")
def test_what_a_killed_download_left_behind_is_removed_by_the_next(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from torchvision.datasets import SVHN
from glimpse_env.data.datasets import load_dataset

def download(self):
    Path(self.root, self.filename).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

SVHN.download = download
load_dataset("svhn", "test", sys.argv[1])
"""
    folder = tmp_path / "new"
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(contents(folder)) == 1
    load_dataset("svhn", "test", folder)
    assert contents(folder) == ["test_32x32.mat"]


@pytest.mark.usefixtures("svhn_source")
def test_a_download_waits_for_another_one_and_takes_its_files(
    svhn_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    unfinished = folder / f"{sources.STAGING}living"
    unfinished.mkdir()
    with ThreadPoolExecutor() as pool:
        with FileLock(folder / sources.LOCK):
            waiting = pool.submit(load_dataset, "svhn", "test", folder)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            assert unfinished.exists()
            monkeypatch.delattr(torchvision.datasets.SVHN, "download")  # nobody needs it any more
            shutil.copy(svhn_dir / "test_32x32.mat", folder)
            unfinished.rmdir()
        assert len(waiting.result(60).images) == 2
    assert contents(folder) == ["test_32x32.mat"]


def test_archives_that_are_already_there_are_unpacked_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "KMNIST" / "raw"
    write_blank_test_split(raw)
    resources = []
    for name, _ in torchvision.datasets.KMNIST.resources:
        path = raw / name.removesuffix(".gz")
        content = path.read_bytes() if path.exists() else b"not asked for"
        path.unlink(missing_ok=True)
        (raw / name).write_bytes(gzip.compress(content))
        resources.append((name, md5(raw / name)))
    monkeypatch.setattr(torchvision.datasets.KMNIST, "resources", resources)
    assert load_dataset("kmnist", "test", tmp_path).images.shape == (10_000, 1, 28, 28)


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_truncated_mnist_is_refused(mnist_test_copy: Path, name: str) -> None:
    path = mnist_test_copy / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=f"{name} is truncated"):
        load_dataset("mnist", "test", mnist_test_copy)


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_altered_mnist_is_refused(mnist_test_copy: Path, name: str) -> None:
    path = mnist_test_copy / "MNIST" / "raw" / name
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"{name} is altered"):
        load_dataset("mnist", "test", mnist_test_copy)


def test_missing_mnist_labels_are_named(mnist_test_copy: Path) -> None:
    (mnist_test_copy / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetError, match=f"{mnist_test_copy} lacks MNIST.raw.t10k-labels-idx1-ubyte, and"):
        load_dataset("mnist", "test", mnist_test_copy)
