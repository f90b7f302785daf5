"""Images: reading files as they are stored, and Darknet's image operations on float arrays."""

from __future__ import annotations

import functools
import importlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.data.headers import check_pixels, read_header
from pylrm.errors import DataError, PylrmError

FloatImage = npt.NDArray[np.float32]
ByteImage = npt.NDArray[np.uint8]


@functools.cache
def cv2() -> ModuleType:
    """OpenCV's module, imported at its first use.

    Raises
    ------
    PylrmError
        Where it can't be imported, for instance for want of the system's libGL.
    """
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        reason = str(error).splitlines()[0] if str(error) else "ImportError"
        raise PylrmError(
            f"OpenCV cannot be imported ({reason}); without a display's libraries, "
            "`pip uninstall opencv-python; pip install opencv-python-headless` serves"
        ) from error


@functools.cache
def _library() -> tuple[Any, Any]:
    """The engine's cffi handles (ffi, lib); late, since the engine itself reads images."""
    from pylrm.binding._darknet import ffi, lib

    return ffi, lib


def read_image(path: str | Path, channels: int = 3) -> ByteImage:
    """Read an image file's stored pixels, without EXIF's rotation.

    Grey, palette, alpha and 16-bit files are converted.

    Parameters
    ----------
    path
        The file; any name that the system allows.
    channels
        3: colour; 1: grey.

    Returns
    -------
    ndarray
        (h, w, 3) uint8 BGR, or (h, w) grey.

    Raises
    ------
    DataError
        Where the file can't be read, is no image that OpenCV knows, or has too many pixels.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; images have 3 or 1")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if not content:
        raise DataError(f"{path}: the file is empty")
    header = read_header(io.BytesIO(content), to_the_end=False)
    if header is not None:
        check_pixels(path, header)
    cv = cv2()
    kind = cv.IMREAD_COLOR if channels == 3 else cv.IMREAD_GRAYSCALE
    try:
        image = cv.imdecode(np.frombuffer(content, np.uint8), kind | cv.IMREAD_IGNORE_ORIENTATION)
    except cv.error as error:
        reason = str(getattr(error, "err", "")) or "OpenCV refuses it"
        raise DataError(f"{path}: not a readable image ({reason})") from error
    if image is None:
        raise DataError(f"{path}: not a readable image")
    return np.ascontiguousarray(image, np.uint8)


def _image(chw: npt.ArrayLike) -> FloatImage:
    image = np.ascontiguousarray(chw, np.float32)
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"an image of shape {image.shape}; expected (channels, h, w)")
    return image


def _size(w: int, h: int) -> tuple[int, int]:
    if w < 1 or h < 1:
        raise ValueError(f"a size of {w}x{h}; both must be at least 1")
    return int(w), int(h)


def _floats(array: FloatImage) -> Any:
    return _library()[0].from_buffer("float[]", array)


def letterbox(chw: npt.ArrayLike, w: int, h: int) -> FloatImage:
    """Scale an image into w x h, keeping its aspect, in the middle of a grey (.5) canvas.

    Parameters
    ----------
    chw
        (channels, height, width) float32, 0…1.
    w, h
        Size of the result in pixels.

    Returns
    -------
    ndarray
        (channels, h, w) float32. The scaled size is truncated to whole pixels.
    """
    image, (w, h) = _image(chw), _size(w, h)
    out = np.empty((image.shape[0], h, w), np.float32)
    _library()[1].dn_image_letterbox(_floats(image), *image.shape, _floats(out), h, w)
    return out


def resize(chw: npt.ArrayLike, w: int, h: int) -> FloatImage:
    """Scale an image to w x h, bilinear with the corners aligned.

    Parameters
    ----------
    chw
        (channels, height, width) float32.
    w, h
        Size of the result in pixels.

    Returns
    -------
    ndarray
        (channels, h, w) float32.
    """
    image, (w, h) = _image(chw), _size(w, h)
    out = np.empty((image.shape[0], h, w), np.float32)
    _library()[1].dn_image_resize(_floats(image), *image.shape, _floats(out), h, w)
    return out


def distort(chw: npt.ArrayLike, hue: float, saturation: float, exposure: float) -> FloatImage:
    """Change an image's colours in HSV; the result is clipped to 0…1.

    Parameters
    ----------
    chw
        (3, height, width) float32 RGB, 0…1; left as it is.
    hue
        Added to the hue, in turns.
    saturation, exposure
        Factors of saturation and value.

    Returns
    -------
    ndarray
        (3, height, width) float32.
    """
    image = _image(chw)
    if image.shape[0] != 3:
        raise ValueError(f"{image.shape[0]} channels; colours are distorted in 3")
    if not np.isfinite([hue, saturation, exposure]).all():
        raise ValueError("hue, saturation and exposure must be finite")
    out = image.copy()
    _library()[1].dn_image_distort(_floats(out), *image.shape[1:], hue, saturation, exposure)
    return out


def place(chw: npt.ArrayLike, w: int, h: int, dx: int, dy: int, canvas: FloatImage) -> FloatImage:
    """Draw an image, scaled to w x h, on a canvas, and return the canvas.

    Sampling is Darknet's: a pixel at x reads the source at x * width / w, and neighbours outside
    the source count as 0. What lies outside the canvas is left out.

    Parameters
    ----------
    chw
        (channels, height, width) float32.
    w, h
        Size of the picture on the canvas in pixels.
    dx, dy
        Where its upper left corner stands on the canvas; may be negative.
    canvas
        (channels, canvas height, canvas width) float32, C-contiguous; drawn on in place.
    """
    image, (w, h) = _image(chw), _size(w, h)
    if canvas.dtype != np.float32 or not (canvas.flags.c_contiguous and canvas.flags.writeable):
        raise ValueError("the canvas must be a writable, C-contiguous float32 array")
    if canvas.ndim != 3 or 0 in canvas.shape or canvas.shape[0] != image.shape[0]:
        raise ValueError(
            f"a canvas of shape {canvas.shape} for an image of {image.shape[0]} channels"
        )
    _library()[1].dn_image_place(
        _floats(image), *image.shape, w, h, int(dx), int(dy), _floats(canvas), *canvas.shape[1:]
    )
    return canvas


def augment(
    image: ByteImage,
    out: FloatImage,
    *,
    size: tuple[int, int],
    offset: tuple[int, int],
    hue: float = 0.0,
    saturation: float = 1.0,
    exposure: float = 1.0,
    flip: bool = False,
    vflip: bool = False,
    corners: bool = False,
    antialias: bool = False,
) -> None:
    """Prepare one image for a network in one pass.

    Parameters
    ----------
    image
        (h, w, 3) uint8 BGR, or (h, w) grey.
    out
        (channels, height, width) float32, C-contiguous; written entirely, in RGB.
    size, offset
        (width, height) of the picture on `out`, and (x, y) of its upper left corner; around it is
        grey .5.
    hue, saturation, exposure
        As in `distort`; of a grey image only the exposure acts.
    flip
        Mirror left and right, after placing.
    vflip
        Mirror upside down, before placing.
    corners
        Scale with the corners aligned, as `resize` and `letterbox` do; else as `place`.
    antialias
        Make images smaller by area averages; else by bilinear samples, as Darknet does.
    """
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError("the image must be a uint8 array (h, w, channels) or (h, w)")
    if out.dtype != np.float32 or out.ndim != 3 or not out.flags.c_contiguous:
        raise ValueError("out must be a C-contiguous float32 array (channels, h, w)")
    if out.shape[0] != channels or 0 in out.shape:
        raise ValueError(f"out has shape {out.shape} for an image of {channels} channels")
    if vflip:
        image = image[::-1]
    if antialias:
        image = _shrink(image, size)
    ffi, lib = _library()
    view = ffi.new("dn_view *")
    view.new_w, view.new_h = _size(*size)
    view.dx, view.dy = offset
    view.hue, view.saturation, view.exposure = hue, saturation, exposure
    view.flip, view.corners = flip, corners
    image = np.ascontiguousarray(image)
    lib.dn_augment(
        ffi.from_buffer("uint8_t[]", image),
        image.shape[0],
        image.shape[1],
        channels,
        view,
        _floats(out),
        out.shape[1],
        out.shape[2],
    )


def _shrink(image: ByteImage, size: tuple[int, int]) -> ByteImage:
    """Average an image over areas to a (width, height), on the axes where that is smaller."""
    height, width = image.shape[:2]
    smaller = min(width, size[0]), min(height, size[1])
    if smaller == (width, height):
        return image
    cv = cv2()
    shrunk: ByteImage = cv.resize(image, smaller, interpolation=cv.INTER_AREA)
    return shrunk


def letterbox_size(w: int, h: int, width: int, height: int) -> tuple[int, int]:
    """Size, in whole pixels (truncated), of an image of w x h letterboxed into width x height."""
    if width * h < height * w:
        return width, max(1, h * width // w)
    return max(1, w * height // h), height
