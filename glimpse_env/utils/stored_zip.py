"""Zip files whose members are stored as they are, not compressed, so that none is larger than the file."""

from __future__ import annotations

import errno
import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_DIRECTORY = 2**20
"""Bytes of a zip's directory, for which `zipfile` needs ten times as much memory; 1,000 members take about 70,000."""
CHUNK = 2**20
"""Bytes that are read at a time."""
NO_ZIP = "it is truncated, or no zip"

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE = b"PK\x03\x04"


class _DirectoryReader:
    """A file as `zipfile` reads its directory, which must not be larger than `MAX_DIRECTORY`."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        left = max(self.size - self.tell(), 0)
        wanted = left if size < 0 else min(size, left)
        if wanted > MAX_DIRECTORY:
            raise ValueError(f"a directory of {wanted} bytes")
        return self.file.read(wanted)


@dataclass(frozen=True)
class StoredZip:
    """The members of a zip file, which is open.

    They are read without their CRC-32, for whoever reads them has a checksum of his own.

    Attributes:
        file: The file.
        places: Where each member is, by name: its first byte, and the number of its bytes.
    """

    file: BinaryIO
    places: dict[str, tuple[int, int]]

    @classmethod
    def open(cls, file: BinaryIO) -> StoredZip:
        """Reads the directory of a zip file, and nothing else.

        Raises:
            ValueError: It is truncated, no zip, or its directory is too large; or a member is compressed, encrypted,
                or there twice.
        """
        size = file.seek(0, os.SEEK_END)
        places: dict[str, tuple[int, int]] = {}
        for member in _directory(file, size):
            name = member.filename
            encrypted = member.flag_bits & 1
            if member.compress_type != zipfile.ZIP_STORED or encrypted or member.compress_size != member.file_size:
                raise ValueError(f"expected members that are neither compressed nor encrypted, got {name!r}")
            if name in places:
                raise ValueError(f"expected each member once, got {name!r} twice")
            file.seek(max(member.header_offset, 0))
            header = file.read(_LOCAL_HEADER.size)
            if not header.startswith(_LOCAL_SIGNATURE) or len(header) < _LOCAL_HEADER.size:
                raise ValueError(NO_ZIP)
            start = file.tell() + sum(_LOCAL_HEADER.unpack(header)[1:])  # a name and extra fields are in between
            if start + member.file_size > size:
                raise ValueError(NO_ZIP)
            places[name] = start, member.file_size
        return cls(file, places)

    def size(self, name: str) -> int:
        """Bytes of a member."""
        return self.places[name][1]

    def read(self, name: str) -> bytes:
        """All of a member."""
        start, size = self.places[name]
        self.file.seek(start)
        return self.file.read(size)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member in parts of at most `CHUNK` bytes."""
        start, size = self.places[name]
        for offset in range(0, size, CHUNK):
            self.file.seek(start + offset)
            yield self.file.read(min(CHUNK, size - offset))


def _directory(file: BinaryIO, size: int) -> list[zipfile.ZipInfo]:
    """What `zipfile` finds in the directory.

    Raises:
        ValueError: It finds none, for which it has exceptions of many types.
    """
    try:
        with zipfile.ZipFile(_DirectoryReader(file, size)) as archive:
            return archive.infolist()
    except OSError as error:
        if error.errno != errno.EINVAL:  # The disk failed. Otherwise the zip gives a place before its beginning.
            raise
        raise ValueError(NO_ZIP) from error
    except (zipfile.BadZipFile, EOFError, OverflowError, RuntimeError, ValueError, struct.error) as error:
        raise ValueError(NO_ZIP) from error
