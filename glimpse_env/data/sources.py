"""The built-in data sets: what torchvision downloads, scikit-learn's digits, and folders of images.

Both libraries take seconds to import, so that each loader imports what it needs when it is called.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import HTTPException
from pathlib import Path

import torch
from filelock import FileLock
from numpy.typing import ArrayLike

from glimpse_env.data.checksums import MNIST_SHA256, DatasetError, verify_idx, verify_md5
from glimpse_env.data.image_folder import load_image_folder
from glimpse_env.utils.atomic import open_atomic

LOCK = ".download.lock"
STAGING = ".download-"

Loaded = tuple[ArrayLike, ArrayLike, Sequence[str]]
"""Images, labels and class names."""

Loader = Callable[[str, Path], Loaded]
"""Called with a split and the data folder."""


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
    # torchvision's MNIST class would read the `processed` folder of its old versions without a check.
    return mnist.read_image_file(str(images)), mnist.read_label_file(str(labels)), class_names


def _load_cifar10(split: str, folder: Path) -> Loaded:
    from torchvision.datasets import CIFAR10

    batches = folder / CIFAR10.base_folder
    md5 = dict(CIFAR10.train_list + CIFAR10.test_list)
    md5[CIFAR10.meta["filename"]] = CIFAR10.meta["md5"]
    paths = [batches / name for name in md5]
    _download_absent(folder, paths, [folder / CIFAR10.filename], partial(CIFAR10, download=True))
    # torchvision verifies them too, but its error does not name the wrong file.
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
    """Enlarges scikit-learn's 8x8 digits, bicubically, which keeps strokes sharp and the full range of grey."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images, labels, test_size=360, stratify=labels, random_state=0)
    images, labels = parts[0 if split == "train" else 1 :: 2]
    small = torch.from_numpy(images).view(-1, 1, 8, 8) * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(28, 28), mode="bicubic").clamp(0, 255).round()
    return large[:, 0].to(torch.uint8), labels, list("0123456789")


def _download_absent(
    folder: Path, paths: Sequence[Path], archives: Sequence[Path], download: Callable[[Path], object]
) -> None:
    """Downloads into a temporary folder first, so that an interrupted download leaves no half file.

    One process downloads at a time, and the others wait for its files. So whoever has the lock knows that temporary
    folders which it finds were left by processes that are dead, and removes them.
    """
    if all(path.exists() for path in paths):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK):
            for leftover in folder.glob(f"{STAGING}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            if all(path.exists() for path in paths):
                return
            with tempfile.TemporaryDirectory(prefix=STAGING, dir=folder) as temporary:
                staging = Path(temporary)
                # torchvision unpacks an archive that is already there, and downloads it only if its checksum is wrong.
                for archive in filter(Path.exists, archives):
                    copy = staging / archive.relative_to(folder)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(archive, copy)
                download(staging)
                # Copies, since a folder in the data folder may be a link to another file system.
                for file in filter(Path.is_file, staging.rglob("*")):
                    with file.open("rb") as source, open_atomic(folder / file.relative_to(staging)) as target:
                        shutil.copyfileobj(source, target)
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).split())
        names = ", ".join(str(path.relative_to(folder)) for path in paths if not path.exists())
        raise DatasetError(
            f"The folder {folder} lacks {names}, and downloading failed ({reason}). Put the files there, or "
            "name the folder that has them by data_dir or $GLIMPSE_DATA_DIR. GlimpseDigits-v0 works offline."
        ) from error


BUILT_IN: dict[str, Loader] = {
    "mnist": partial(_load_mnist_like, "MNIST", MNIST_SHA256),
    "fashion_mnist": partial(_load_mnist_like, "FashionMNIST", {}),
    "kmnist": partial(_load_mnist_like, "KMNIST", {}),
    "cifar10": _load_cifar10,
    "svhn": _load_svhn,
    "digits": _load_digits,
    "folder": load_image_folder,
}
"""The loaders of the built-in data sets, by name."""
