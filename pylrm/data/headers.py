"""The headers of JPEG and PNG files: size, EXIF rotation, and whether the file is truncated.

Sources: ITU-T T.81 annex B (JPEG's markers), the PNG specification (chunks, eXIf), TIFF 6.0 and
CIPA DC-008 (EXIF: the orientation is tag 0x0112 of the first directory).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pylrm.errors import DataError

# What files of images are called.
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
MOST_PIXELS = 1 << 28  # 16384 x 16384, 768 MiB in colour: what asks for more is no photograph
UPRIGHT = 1  # the orientation of pixels that are stored as they are to be seen

_PNG = b"\x89PNG\r\n\x1a\n"
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those that tell the size
_SCAN, _END, _EXIF = 0xDA, 0xD9, 0xE1
_ORIENTATION, _SHORT = 0x0112, 3


@dataclass(frozen=True)
class Header:
    """What a file says.

    Attributes
    ----------
    width, height
        Of the stored pixels.
    orientation
        EXIF's, 1 to 8; 1: upright, or nothing is said.
    cut
        The file ends before its image does.
    """

    width: int
    height: int
    orientation: int
    cut: bool


def read_header(file: BinaryIO, *, to_the_end: bool = True) -> Header | None:
    """Read the header of a JPEG or PNG file.

    Parameters
    ----------
    file
        Open for reading, at its beginning.
    to_the_end
        Look for the image's end too; without it `cut` is False for a JPEG file, of which only the
        first part is read.

    Returns
    -------
    Header or None
        None of another format, or where the header is broken.
    """
    start = file.read(len(_PNG))
    try:
        if start == _PNG:
            return _png(file)
        if start[:2] == b"\xff\xd8":
            file.seek(2)
            return _jpeg(file, to_the_end)
    except struct.error:  # the file ends within its header
        pass
    return None


def check_pixels(path: str | Path, header: Header) -> None:
    """Refuse an image that would take all memory, by its header.

    Raises
    ------
    DataError
        It has too many pixels.
    """
    if header.width * header.height > MOST_PIXELS:
        raise DataError(
            f"{path}: {header.width} x {header.height} pixels by its header; images may have "
            f"{MOST_PIXELS} (16384 x 16384)"
        )


def image_size(path: Path) -> tuple[int, int]:
    """Return an image's stored width and height, from its header where that tells.

    Raises
    ------
    DataError
        The file cannot be read, is no image, or has too many pixels.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, to_the_end=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if header is not None:
        check_pixels(path, header)
        return header.width, header.height
    from pylrm.data.images import read_image  # which looks at headers too

    height, width = read_image(path, 1).shape
    return width, height


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _jpeg(file: BinaryIO, to_the_end: bool) -> Header | None:
    """Go from marker to marker up to the first scan; EXIF and the size come before it."""
    size: tuple[int, int] | None = None
    orientation = UPRIGHT
    while True:
        lead, marker = _read(file, ">BB")
        while marker == 0xFF:  # padding
            (marker,) = _read(file, ">B")
        if lead != 0xFF or marker == _END:
            return None
        if marker in _ALONE:
            continue
        (length,) = _read(file, ">H")
        rest = file.tell() + max(length - 2, 0)
        if marker in _FRAMES:
            _, height, width = _read(file, ">BHH")
            size = width, height
        elif marker == _EXIF:
            body = file.read(max(length - 2, 0))
            if body.startswith(b"Exif\0\0"):
                orientation = _orientation(body[6:])
        elif marker == _SCAN:
            break
        file.seek(rest)
    if size is None or 0 in size:
        return None
    # In a scan 0xFF is followed by 0 or by a restart marker: only the end has these two bytes.
    cut = to_the_end and b"\xff\xd9" not in file.read()
    return Header(*size, orientation, cut)


def _png(file: BinaryIO) -> Header | None:
    size: tuple[int, int] | None = None
    orientation = UPRIGHT
    try:
        while True:
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"IHDR":
                size = struct.unpack(">II", file.read(8))
                file.seek(length - 8 + 4, io.SEEK_CUR)
            elif kind == b"eXIf":
                orientation = _orientation(file.read(length))
                file.seek(4, io.SEEK_CUR)
            elif kind == b"IEND":
                cut = False
                break
            else:
                file.seek(length + 4, io.SEEK_CUR)
    except struct.error:
        cut = True
    if size is None or 0 in size:
        return None
    return Header(*size, orientation, cut)


def _orientation(tiff: bytes) -> int:
    """The orientation that EXIF's data say; 1 where they say none, or nonsense."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION and kind == _SHORT:
                return int(value) if 1 <= value <= 8 else UPRIGHT
    except struct.error:
        pass
    return UPRIGHT
