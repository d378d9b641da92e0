"""Data sets by name: each split is loaded and checked once, and held once per process."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from platformdirs import user_cache_dir
from torch import Tensor

from glimpse_env.data.checksums import DatasetError
from glimpse_env.data.image_folder import load_image_folder
from glimpse_env.data.sources import BUILT_IN, Loaded, Loader
from glimpse_env.utils.errors import unknown_name_error

__all__ = ["Dataset", "DatasetError", "Loader", "dataset_names", "load_dataset", "register_dataset"]

SPLITS = ("train", "test")
CHANNELS = (1, 3)


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set. The whole process shares it, so its tensors must never be modified.

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

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 checksum of images and labels, in hexadecimal digits, the same on every device and machine."""
        checksum = hashlib.sha256()
        for tensor in (self.images, self.labels):
            checksum.update(tensor.cpu().numpy().tobytes())
        return checksum.hexdigest()

    def to(self, device: torch.device) -> Dataset:
        """The same data with its tensors on a device; on the CPU this very object."""
        return (
            self
            if device.type == "cpu"
            else replace(self, images=self.images.to(device), labels=self.labels.to(device))
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Dataset:
        """Returns itself: a copy of an environment shares its images, like all environments of a process."""
        return self


def register_dataset(name: str, loader: Loader) -> None:
    """Registers a data set of your own under a name. A name that is taken already is replaced.

    Args:
        name: Its name for `load_dataset` and `gym.make("Glimpse-v0", dataset=name)`.
        loader: Called as `loader(split, data_dir)` with `"train"` or `"test"` and the absolute data folder, which it
            may ignore. Returns `(images, labels, class_names)`, the first two as NumPy arrays
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
    """Lists the names that `load_dataset` takes: the built-in ones, then the registered ones."""
    return tuple(_loaders)


def load_dataset(
    name: str,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
) -> Dataset:
    """Loads a split, or returns the one that this process holds already.

    Args:
        name: One of `dataset_names()`.
        split: `"train"` or `"test"`.
        data_dir: Folder of the data files, in the layout of torchvision. None stands for `$GLIMPSE_DATA_DIR`,
            or else the user's cache directory. Files that are absent are downloaded into it, checksums
            verified. It may be read-only if they are there.
        image_size: Side to which the images of the data set `"folder"` are resized, in pixels; by default they stay as
            they are.

    Raises:
        ValueError: `name` or `split` is unknown, or another data set than `"folder"` is to be resized.
        DatasetError: Files are damaged, or absent and cannot be downloaded; a loader returned unusable data.

    Example:
        >>> digits = load_dataset("digits", "test")
        >>> digits.images.shape, digits.images.dtype, digits.num_classes
        (torch.Size([360, 1, 28, 28]), torch.uint8, 10)
        >>> load_dataset("digits", "test") is digits
        True
    """
    if name not in _loaders:
        error = unknown_name_error("data set", name, _loaders)
        raise ValueError(f"{error} If it is your own, glimpse_env.register_dataset({name!r}, loader) comes first.")
    if split not in SPLITS:
        raise unknown_name_error("split", split, SPLITS)
    folder = Path(data_dir or os.environ.get("GLIMPSE_DATA_DIR") or user_cache_dir("glimpse_env"))
    folder = Path(os.path.expanduser(folder)).resolve()
    key = (name, split, folder, image_size)
    loader = _loaders[name]
    if image_size is not None:
        if loader is not load_image_folder:
            raise ValueError(f"expected no image_size, since images of {name!r} are not resized, got {image_size}")
        loader = partial(load_image_folder, image_size=image_size)
    with _lock:
        if key not in _held:
            _held[key] = _validated(name, split, loader(split, folder))
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


_lock = threading.RLock()  # Reentrant, because a registered loader may build on load_dataset.
_held: dict[tuple[str, str, Path, int | None], Dataset] = {}
_loaders: dict[str, Loader] = dict(BUILT_IN)
