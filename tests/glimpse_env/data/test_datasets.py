"""Named data sets: what they hold, that they are held once, and how loading them fails."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import shutil
import struct
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
import sklearn.datasets
import torch
import torchvision

from glimpse_env.data import datasets
from glimpse_env.data.datasets import DatasetError, Loaded, dataset_names, load_dataset, register_dataset

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([0, 1, 1])
NAMES = ["no", "yes"]


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_loaders", dict(datasets._loaders))
    monkeypatch.setattr(datasets, "_held", dict(datasets._held))


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
    share = digits.labels.bincount() / count
    assert torch.allclose(share, torch.full((10,), 0.1), atol=0.01)


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
    cifar10, digests = torchvision.datasets.CIFAR10, {}
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
        digests[name] = md5(path)
    monkeypatch.setattr(cifar10, "train_list", [[name, digests[name]] for name, _ in cifar10.train_list])
    monkeypatch.setattr(cifar10, "test_list", [[name, digests[name]] for name, _ in cifar10.test_list])
    monkeypatch.setattr(cifar10, "meta", {**cifar10.meta, "md5": digests[cifar10.meta["filename"]]})
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


def test_a_split_is_loaded_once_and_shared(tmp_path: Path) -> None:
    calls = []

    def loader(split: str, data_dir: Path) -> Loaded:
        calls.append((split, data_dir))
        return IMAGES, LABELS, NAMES

    register_dataset("own", loader)
    nested = tmp_path / "nested"
    first = load_dataset("own", "train", tmp_path)
    assert load_dataset("own", data_dir=f"{nested}{os.sep}..") is first
    assert calls == [("train", tmp_path)]
    assert load_dataset("own", "test", tmp_path) is not first
    assert load_dataset("own", "train", nested) is not first
    assert calls[1:] == [("test", tmp_path), ("train", nested)]


def test_threads_that_ask_together_load_once() -> None:
    calls, results = [], []
    together = threading.Barrier(4)

    def loader(split: str, data_dir: Path) -> Loaded:
        calls.append(split)
        return IMAGES, LABELS, NAMES

    def ask() -> None:
        together.wait()
        results.append(load_dataset("own"))

    register_dataset("own", loader)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["train"]
    assert len({id(result) for result in results}) == 1


def test_registering_again_replaces_the_loader_and_what_is_held() -> None:
    register_dataset("own", lambda split, data_dir: (IMAGES, LABELS, NAMES))
    load_dataset("own")
    register_dataset("own", lambda split, data_dir: (255 - IMAGES, LABELS, NAMES))
    assert load_dataset("own").images[0, 0, 0, 0] == 255
    assert dataset_names().count("own") == 1


def test_a_loader_may_build_on_another_data_set() -> None:
    def zeros_and_ones(split: str, data_dir: Path) -> Loaded:
        digits = load_dataset("digits", split, data_dir)
        keep = digits.labels < 2
        return digits.images[keep, 0], digits.labels[keep], NAMES

    register_dataset("zeros_and_ones", zeros_and_ones)
    assert load_dataset("zeros_and_ones", "test").labels.unique().tolist() == [0, 1]


def test_the_folder_comes_from_the_environment_variable_or_else_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def loader(split: str, data_dir: Path) -> Loaded:
        asked.append(data_dir)
        return IMAGES, LABELS, NAMES

    register_dataset("own", loader)
    monkeypatch.setattr(datasets, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.setenv("GLIMPSE_DATA_DIR", str(tmp_path / "variable"))
    load_dataset("own")
    monkeypatch.delenv("GLIMPSE_DATA_DIR")
    load_dataset("own")
    assert asked == [tmp_path / "variable", tmp_path / "cache" / "glimpse_env"]


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_registered_images_become_channel_first(convert: object, channels: int | None) -> None:
    images = IMAGES if channels is None else np.repeat(IMAGES[..., None], channels, axis=3)
    register_dataset("own", lambda split, data_dir: (convert(images), convert(LABELS), NAMES))  # type: ignore[operator]
    own = load_dataset("own")
    assert own.images.shape == (3, channels or 1, 4, 5)
    assert own.images.is_contiguous()
    assert (own.images.numpy() == IMAGES[:, None]).all()
    assert own.labels.tolist() == LABELS.tolist()
    assert own.class_names == tuple(NAMES)


@pytest.mark.filterwarnings("error")
def test_read_only_reversed_and_foreign_arrays_are_accepted() -> None:
    images = IMAGES[::-1]
    images.setflags(write=False)
    register_dataset("own", lambda split, data_dir: (images, LABELS.astype(">u2"), NAMES))
    own = load_dataset("own")
    assert (own.images.numpy() == IMAGES[::-1, None]).all()
    assert own.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        ([IMAGES, LABELS, NAMES], r"expected its loader to return \(images, labels, class_names\), got list"),
        ((IMAGES, LABELS), "expected its loader to return"),
        ((IMAGES / 255, LABELS, NAMES), r"expected uint8 images in \[0, 255\], got float64"),
        ((IMAGES[0], LABELS, NAMES), r"expected non-empty images of shape .*, got \(4, 5\)"),
        ((IMAGES[:0], LABELS[:0], NAMES), r"expected non-empty images of shape .*, got \(0, 4, 5, 1\)"),
        ((np.zeros((3, 1, 28, 28), np.uint8), LABELS, NAMES), r"channel-last .*, got \(3, 1, 28, 28\)"),
        ((IMAGES, LABELS / 1, NAMES), "expected integer labels, got float64"),
        ((IMAGES, LABELS > 0, NAMES), "expected integer labels, got bool"),
        ((IMAGES, ["no", "yes", "no"], NAMES), "expected integer labels, got <U3"),
        ((IMAGES, LABELS[:2], NAMES), r"expected labels of shape \(3,\), one per image, got \(2,\)"),
        ((IMAGES, LABELS[:, None], NAMES), r"expected labels of shape \(3,\), one per image, got \(3, 1\)"),
        ((IMAGES, LABELS + 1, NAMES), r"expected labels in \[0, 2\), one per class name, got 1 to 2"),
        ((IMAGES, LABELS - 1, NAMES), r"expected labels in \[0, 2\), one per class name, got -1 to 0"),
        ((IMAGES, LABELS, "ny"), "expected class_names to be a sequence of strings, got 'ny'"),
        ((IMAGES, LABELS, [0, 1]), r"expected class_names to be a sequence of strings, got \[0, 1\]"),
    ],
)
def test_unusable_registered_data_are_refused_and_not_held(loaded: object, message: str) -> None:
    register_dataset("own", lambda split, data_dir: loaded)  # type: ignore[arg-type, return-value]
    for _ in range(2):
        with pytest.raises(DatasetError, match=f"Data set 'own', split 'test': {'.*' + message}"):
            load_dataset("own", "test")


def test_a_loader_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"'own' needs a loader\(split, data_dir\), got tuple"):
        register_dataset("own", (IMAGES, LABELS, NAMES))  # type: ignore[arg-type]


def test_unknown_names_and_splits() -> None:
    with pytest.raises(ValueError, match=r"Unknown data set 'mnits'\. Did you mean 'mnist'\?"):
        load_dataset("mnits")
    with pytest.raises(ValueError, match=r"Unknown split 'Train'\. Did you mean 'train'\?"):
        load_dataset("digits", "Train")


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
    assert list(folder.iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(self: torchvision.datasets.MNIST) -> None:
        raw = Path(self.raw_folder)
        raw.mkdir(parents=True)
        (raw / "t10k-images-idx3-ubyte").write_bytes(b"half")
        raise ConnectionResetError("connection lost")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", break_off)
    with pytest.raises(DatasetError, match="connection lost"):
        load_dataset("mnist", "test", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_downloaded_is_put_in_place(svhn_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: torchvision.datasets.SVHN) -> None:
        shutil.copy(svhn_dir / self.filename, self.root)

    monkeypatch.setattr(torchvision.datasets.SVHN, "download", download)
    folder = svhn_dir / "new"
    assert load_dataset("svhn", "test", folder).labels.tolist() == [0, 3]
    assert [path.name for path in folder.iterdir()] == ["test_32x32.mat"]


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


@pytest.mark.parametrize("name", [3, "", ["x"]])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(TypeError, match="expected the name of a data set"):
        register_dataset(name, lambda split, data_dir: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="Did you mean 'digits'"):
        load_dataset("digitz")


@pytest.mark.parametrize("class_names", [None, 5, {"a": 1}])
def test_class_names_of_another_kind_are_refused(class_names: Any) -> None:
    register_dataset("odd", lambda split, data_dir: (np.zeros((2, 9, 9), np.uint8), np.zeros(2, int), class_names))
    with pytest.raises(DatasetError, match="class_names to be a sequence of strings"):
        load_dataset("odd")
