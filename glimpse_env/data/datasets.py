"""Named sets of labelled images, each read once and held once per process."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from platformdirs import user_cache_dir
from torch import Tensor

from glimpse_env.data.checksums import MNIST_SHA256, DatasetError, verify_idx, verify_md5
from glimpse_env.utils.errors import unknown_name_error

__all__ = ["Dataset", "DatasetError", "Loader", "dataset_names", "load_dataset", "register_dataset"]

SPLITS = ("train", "test")
CHANNELS = (1, 3)

Loaded = tuple[ArrayLike, ArrayLike, Sequence[str]]
Loader = Callable[[str, Path], Loaded]


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set. Everything in the process shares it, so its tensors must never be modified.

    Attributes:
        name: The name it was loaded by.
        split: `"train"` or `"test"`.
        images: `(M, C, H, W)` uint8 in [0, 255], on the CPU.
        labels: `(M,)` int64 in [0, num_classes).
        class_names: What the labels mean.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not this split has an image of each."""
        return len(self.class_names)

    def to(self, device: torch.device) -> Dataset:
        """The same data with its tensors on a device; on the CPU the very same."""
        return (
            self
            if device.type == "cpu"
            else replace(self, images=self.images.to(device), labels=self.labels.to(device))
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Dataset:
        """A copy of an environment shares its images with it, like all environments of a process."""
        return self


def register_dataset(name: str, loader: Loader) -> None:
    """Makes own data available under a name. A name that is taken already is replaced.

    Args:
        name: What `load_dataset` and `gym.make("Glimpse-v0", dataset=name)` will know it by.
        loader: Called as `loader(split, data_dir)` with `"train"` or `"test"` and the absolute data folder,
            which it is free to ignore. Returns `(images, labels, class_names)`, the first two as NumPy arrays
            or tensors: images uint8 `(M, H, W)` or channel-last `(M, H, W, C)`, labels integers `(M,)` in
            [0, len(class_names)). Images are shared, not copied, where their layout allows it.

    Raises:
        TypeError: `loader` cannot be called.

    Example:
        >>> def load_squares(split, data_dir):
        ...     images = np.zeros((2, 16, 16), dtype=np.uint8)
        ...     images[1, 4:12, 4:12] = 255
        ...     return images, np.array([0, 1]), ["nothing", "square"]
        >>> register_dataset("squares", load_squares)
        >>> load_dataset("squares").images.shape
        torch.Size([2, 1, 16, 16])
    """
    if not callable(loader):
        raise TypeError(f"Data set {name!r} needs a loader(split, data_dir), got {type(loader).__name__}.")
    if not isinstance(name, str) or not name:
        raise TypeError(f"expected the name of a data set to be a string that is not empty, got {name!r}")
    with _lock:
        _loaders[name] = loader
        for key in [key for key in _held if key[0] == name]:
            del _held[key]


def dataset_names() -> tuple[str, ...]:
    """Lists the names that `load_dataset` knows: the built-in ones, then the registered ones."""
    return tuple(_loaders)


def load_dataset(name: str, split: str = "train", data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Loads a split, or gives back the one that this process holds already.

    Args:
        name: One of `dataset_names()`.
        split: `"train"` or `"test"`.
        data_dir: Folder of the data files, laid out as torchvision does. None stands for `$GLIMPSE_DATA_DIR`,
            or else the user's cache directory. Files that are absent are downloaded into it, checksums
            verified. It may be read-only if they are there.

    Raises:
        ValueError: `name` or `split` is unknown.
        DatasetError: Files are damaged, or absent and cannot be downloaded; a loader returned unusable data.

    Example:
        >>> digits = load_dataset("digits", "test")
        >>> digits.images.shape, digits.images.dtype, digits.num_classes
        (torch.Size([360, 1, 28, 28]), torch.uint8, 10)
        >>> load_dataset("digits", "test") is digits
        True
    """
    if name not in _loaders:
        raise unknown_name_error("data set", name, _loaders)
    if split not in SPLITS:
        raise unknown_name_error("split", split, SPLITS)
    folder = Path(data_dir or os.environ.get("GLIMPSE_DATA_DIR") or user_cache_dir("glimpse_env"))
    folder = Path(os.path.expanduser(folder)).resolve()
    key = (name, split, folder)
    with _lock:
        if key not in _held:
            _held[key] = _validated(name, split, _loaders[name](split, folder))
        return _held[key]


def _validated(name: str, split: str, loaded: Loaded) -> Dataset:
    def reject(expected: str, got: object) -> DatasetError:
        return DatasetError(f"Data set {name!r}, split {split!r}: expected {expected}, got {got}.")

    if not isinstance(loaded, tuple) or len(loaded) != 3:
        raise reject("its loader to return (images, labels, class_names)", type(loaded).__name__)
    try:
        images, labels = _as_array(loaded[0]), _as_array(loaded[1])
    except (TypeError, ValueError) as error:
        raise reject("images and labels to be regular arrays", str(error)) from error
    class_names = loaded[2]
    if images.dtype != np.uint8:
        raise reject("uint8 images in [0, 255]", images.dtype)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.size == 0 or images.shape[3] not in CHANNELS:
        shape = f"(M, H, W) or channel-last (M, H, W, C) with C in {CHANNELS}"
        raise reject(f"non-empty images of shape {shape}", images.shape)
    if not np.issubdtype(labels.dtype, np.integer):
        raise reject("integer labels", labels.dtype)
    if labels.shape != images.shape[:1]:
        raise reject(f"labels of shape ({len(images)},), one per image", labels.shape)
    if (
        not isinstance(class_names, Sequence)
        or isinstance(class_names, str)
        or not all(isinstance(class_name, str) for class_name in class_names)
    ):
        raise reject("class_names to be a sequence of strings", repr(class_names))
    labels = labels.astype(np.int64)
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise reject(f"labels in [0, {len(class_names)}), one per class name", f"{labels.min()} to {labels.max()}")
    # Copies only what torch cannot share: another layout, or an array that is read-only.
    channel_first = np.require(images.transpose(0, 3, 1, 2), requirements=["C", "W"])
    return Dataset(name, split, torch.from_numpy(channel_first), torch.from_numpy(labels), tuple(class_names))


def _as_array(values: ArrayLike) -> NDArray[Any]:
    return values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


# torchvision and scikit-learn take seconds to import: each loader imports what it needs when it is called.


def _load_mnist_like(class_name: str, sha256: Mapping[str, str], split: str, folder: Path) -> Loaded:
    from torchvision.datasets import mnist

    source = getattr(mnist, class_name)
    raw = folder / class_name / "raw"
    prefix, count = ("train", 60_000) if split == "train" else ("t10k", 10_000)
    shapes = {
        raw / f"{prefix}-images-idx3-ubyte": (count, 28, 28),
        raw / f"{prefix}-labels-idx1-ubyte": (count,),
    }
    archive_md5 = dict(source.resources)
    archives = [raw / archive for archive in archive_md5]
    _download_absent(folder, list(shapes), archives, partial(source, train=split == "train", download=True))
    for path, shape in shapes.items():
        verify_idx(path, shape, sha256=sha256.get(path.name), archive_md5=archive_md5[f"{path.name}.gz"])
    images, labels = shapes
    # MNIST's own names read "0 - zero".
    class_names = [label.split(" - ")[0] for label in source.classes]
    # The data set class would read the `processed` folder of old versions, if there is one, unverified.
    return mnist.read_image_file(str(images)), mnist.read_label_file(str(labels)), class_names


def _load_cifar10(split: str, folder: Path) -> Loaded:
    from torchvision.datasets import CIFAR10

    batches = folder / CIFAR10.base_folder
    md5 = dict(CIFAR10.train_list + CIFAR10.test_list)
    md5[CIFAR10.meta["filename"]] = CIFAR10.meta["md5"]
    paths = [batches / name for name in md5]
    _download_absent(folder, paths, [folder / CIFAR10.filename], partial(CIFAR10, download=True))
    # torchvision verifies them again, but does not say which one is wrong.
    for path in paths:
        verify_md5(path, md5[path.name])
    source = CIFAR10(folder, train=split == "train")
    return source.data, source.targets, source.classes


def _load_svhn(split: str, folder: Path) -> Loaded:
    from torchvision.datasets import SVHN

    _, filename, md5 = SVHN.split_list[split]
    path = folder / filename
    _download_absent(folder, [path], [], partial(SVHN, split=split, download=True))
    verify_md5(path, md5)
    source = SVHN(folder, split=split)
    return source.data.transpose(0, 2, 3, 1), source.labels, list("0123456789")


def _load_digits(split: str, folder: Path) -> Loaded:
    """Enlarges scikit-learn's 8x8 digits; bicubic keeps strokes crisp and reaches full black and white."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images, labels, test_size=360, stratify=labels, random_state=0)
    images, labels = parts[SPLITS.index(split) :: 2]
    small = torch.from_numpy(images).view(-1, 1, 8, 8) * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(28, 28), mode="bicubic").clamp(0, 255).round()
    return large[:, 0].to(torch.uint8), labels, list("0123456789")


def _download_absent(
    folder: Path, paths: Sequence[Path], archives: Sequence[Path], download: Callable[[Path], object]
) -> None:
    """Downloads into a folder of its own first, so that a download that breaks off leaves nothing behind."""
    absent = [path for path in paths if not path.exists()]
    if not absent:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            staging = Path(temporary)
            # An archive that is here already is unpacked, and only downloaded if its checksum is wrong.
            for archive in filter(Path.exists, archives):
                copy = staging / archive.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, copy)
            download(staging)
            for file in filter(Path.is_file, list(staging.rglob("*"))):
                target = folder / file.relative_to(staging)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).split())
        names = ", ".join(str(path.relative_to(folder)) for path in absent)
        raise DatasetError(
            f"The folder {folder} lacks {names}, and downloading failed ({reason}). Put the files there, or "
            "name the folder that has them by data_dir or $GLIMPSE_DATA_DIR. GlimpseDigits-v0 works offline."
        ) from error


_lock = threading.RLock()  # Reentrant, because a registered loader may build on load_dataset.
_held: dict[tuple[str, str, Path], Dataset] = {}
_loaders: dict[str, Loader] = {
    "mnist": partial(_load_mnist_like, "MNIST", MNIST_SHA256),
    "fashion_mnist": partial(_load_mnist_like, "FashionMNIST", {}),
    "kmnist": partial(_load_mnist_like, "KMNIST", {}),
    "cifar10": _load_cifar10,
    "svhn": _load_svhn,
    "digits": _load_digits,
}
