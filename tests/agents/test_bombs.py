"""Small files that ask for much memory are refused at once, and without taking it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import agents
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from tests.agents.making import make_agent
from tests.archives import forge, members, redescribe, repack, unpack

HUGE = 2**27
# Loads files one after the other, and prints how many megabytes the peak of memory rose by.
LOADER = """
import resource, sys
import agents
from explain.reconstruction.vae import HiddenStateVAE
from glimpse_env.utils.archive import InvalidFileError
good, vae, *bombs = sys.argv[1:]
agents.load(good, device="cpu"), HiddenStateVAE.load(vae)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in bombs:
    try:
        (HiddenStateVAE.load if "vae" in bomb else agents.load)(bomb)
    except InvalidFileError as error:
        assert "not enough memory" not in str(error), error
    else:
        raise AssertionError(bomb)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 48, f"{bomb} took {grown:.0f} MB"
"""


def compressed_tensors(path: Path) -> None:
    repack(path, members(path) | {"tensors.pt": bytes(HUGE)}, zipfile.ZIP_DEFLATED)


def compressed_description(path: Path) -> None:
    repack(path, members(path) | {"agent.json": b" " * (HUGE // 2)}, zipfile.ZIP_BZIP2)


def with_tensors(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    redescribe(path, unpack(path)[0], buffer.getvalue())


def inner_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(members(path)["tensors.pt"])) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def compressed_storage(path: Path) -> None:
    with_tensors(path, inner_members(path) | {"archive/data/0": bytes(HUGE)}, zipfile.ZIP_DEFLATED)


def call(function: str) -> Callable[[Path], None]:
    """The pickle calls a function with a large number. `torch.load(weights_only=True)` takes both of these."""
    pickled = b"\x80\x02c" + function.encode() + b"\nJ\x00\x00\x00\x40\x85R."
    return lambda path: with_tensors(path, inner_members(path) | {"archive/data.pkl": pickled})


def far_memo(path: Path) -> None:
    with_tensors(path, inner_members(path) | {"archive/data.pkl": b"\x80\x02}r\xff\xff\xff\x7f."})


def many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}", b"")


def claimed_size(path: Path) -> None:
    """The directory says that the tensors have 2 GB."""
    content = path.read_bytes()
    size = len(members(path)["tensors.pt"]).to_bytes(4, "little")
    path.write_bytes(content.replace(size + size, (2**31 - 1).to_bytes(4, "little") * 2))


def described(**changes: Any) -> Callable[[Path], None]:
    return lambda path: forge(path, {"agent": unpack(path)[0]["agent"] | changes})


def deep_description(path: Path) -> None:
    contents = members(path)
    contents["agent.json"] = b'{"format": 2, "agent": ' + b"[" * 400_000 + b"]" * 400_000 + b"}"
    repack(path, contents)


BOMBS: dict[str, Callable[[Path], None]] = {
    "compressed tensors": compressed_tensors,
    "compressed description": compressed_description,
    "compressed storage": compressed_storage,
    "bytearray": call("builtins\nbytearray"),
    "tensor": call("torch\nTensor"),
    "far memo": far_memo,
    "many members": many_members,
    "claimed size": claimed_size,
    "deep description": deep_description,
    "hidden size": described(policy_kwargs={"hidden_size": 16_000}),
    "what size": described(policy_kwargs={"what_size": 16_000, "where_size": 16_000, "hidden_size": 16_000}),
    "classes": described(num_classes=10**9),
    "channels": described(glimpse_shape=[10**9, 8, 8]),
}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no resource module")
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    good, good_vae = tmp_path / "good.zip", tmp_path / "good-v.zip"
    make_agent().save(good)
    HiddenStateVAE(5, (1, 8, 8), VAESettings(latent_size=3, layer_size=7)).save(good_vae)
    paths = []
    for name, make in BOMBS.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(good.read_bytes())
        make(path)
        paths.append(path)
        assert path.stat().st_size < 2**23
    vaes: list[dict[str, Any]] = [{"layer_size": 20_000}, {"latent_size": 2**20}, {"image_shape": [1, 10, 10**5]}]
    for sizes in vaes:
        path = tmp_path / f"vae {len(paths)}.zip"
        path.write_bytes(good_vae.read_bytes())
        forge(path, sizes)
        paths.append(path)
    command = [sys.executable, "-c", LOADER, str(good), str(good_vae), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_memory_that_there_is_not_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_agent().save(tmp_path / "agent.zip")
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")):

        def fail(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(torch, "empty", fail)
        with pytest.raises(agents.InvalidAgentError, match=r"agent\.zip cannot .*: there is not enough memory for it"):
            agents.load(tmp_path / "agent.zip", device="cpu")
