"""Networks: a cfg made to run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from pylrm.binding.library import FloatArray, check_range, ffi, floats, lib, text, view
from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.augmentation import plain_transform
from pylrm.data.images import augment, read_image
from pylrm.data.sources import SourceLike, find_sources
from pylrm.engine.detections import Detections, detections_of
from pylrm.engine.handle import Handle
from pylrm.engine.layer import Layer
from pylrm.engine.stream import Result, stream
from pylrm.errors import CfgWarning, DataError, PylrmError, WeightsError

Image = str | os.PathLike[str] | npt.NDArray[np.uint8]

PURPOSES = {"train": lib.DN_PLAN_TRAIN, "infer": lib.DN_PLAN_INFER, "keep": lib.DN_PLAN_KEEP}


class Network:
    """A network, ready to train or to detect. Use it in a `with`, or close() it.

    Threads may share it: each call has the network to itself. Calls release the GIL, so networks in
    different threads run side by side.

    Parameters
    ----------
    cfg : Cfg, str or path
        Path of a cfg, the name of a shipped one, or its text (which holds a line break or starts
        with "["); or what `Cfg.read` made of one of these.
    weights : str or path, optional
        A weights file to start from.
    batch : int, optional
        Images a pass, overriding the cfg's batch (subdivisions are 1 then).
    device : str
        "cpu", or "cuda": a GPU of Nvidia's, with a build for it (docs/gpu.md).
    threads : int, optional
        How many work at a pass; None: as many as the process may use. Results do not depend on it.
    seed : int
        Of random weights, dropout and the random policy.
    kernels : str
        "fast", or "reference" for plain loops to compare with; "cuda": what device="cuda" takes.
    inference : bool
        Fold and pack the weights when they are loaded: params are read-only, training calls raise.
    keep : bool
        Keep every layer's output and delta readable (a training network).
    outline : bool
        Only to look at: shapes, options and sizes, without memory for parameters and maps.

    Raises
    ------
    CfgError
        The cfg is missing or wrong; the message names file, line and what would fit.
    WeightsError
        The weights file is missing or does not fit.
    PylrmError
        There is not enough memory.
    ValueError
        An argument is out of its range.

    Warns
    -----
    CfgWarning
        For each key that is passed over.
    """

    def __init__(
        self,
        cfg: CfgLike,
        weights: str | os.PathLike[str] | None = None,
        *,
        batch: int | None = None,
        device: str = "cpu",
        threads: int | None = None,
        seed: int = 0,
        kernels: str = "fast",
        inference: bool = False,
        keep: bool = False,
        outline: bool = False,
    ) -> None:
        if device not in ("cpu", "cuda"):
            raise ValueError(f"device={device!r}: there are 'cpu' and 'cuda'")
        if kernels not in ("fast", "reference", "cuda"):
            raise ValueError(f"kernels={kernels!r}: there are 'fast', 'reference' and 'cuda'")
        if device == "cuda":
            kernels = "cuda"
        if inference and keep:
            raise ValueError("inference=True and keep=True: only a training network keeps all")
        for name, value in (("batch", batch), ("threads", threads)):
            if value is not None:
                check_range(name, value, least=1)
        self.cfg = Cfg.read(cfg)
        self.source = self.cfg.name
        purpose = "infer" if inference else "keep" if keep else "train"
        strings = [ffi.new("char[]", os.fsencode(name)) for name in (self.cfg.name, kernels)]
        options = ffi.new(
            "dn_options *",
            {
                "source": strings[0],
                "batch": batch or 0,
                "threads": threads or 0,
                "seed": seed % 2**64,
                "kernels": strings[1],
                "purpose": PURPOSES[purpose],
                "outline": outline,
                "loads": inference and weights is not None,
            },
        )
        self.inference = inference
        self._handle = Handle(self.cfg.text, options)
        self._images: FloatArray | None = None  # backward() reads the pass's images once more
        self._layers = [Layer(self._handle, i) for i in range(self._info.layers)]
        for message in self.warnings:
            warnings.warn(message, CfgWarning, stacklevel=2)
        if weights is not None:
            try:
                self.load_weights(weights)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Network {self.cfg}{' closed' if self._handle.closed else ''}>"

    def close(self) -> None:
        """Free the network; it cannot be used any more. Arrays handed out remain readable."""
        self._handle.close()
        self._images = None

    @property
    def _info(self) -> Any:
        info = ffi.new("dn_network_info *")
        with self._handle.use() as network:
            lib.dn_network_describe(network, info)
        return info

    @property
    def batch(self) -> int:
        """Images a forward pass takes: the cfg's batch / subdivisions."""
        return int(self._info.batch)

    @property
    def subdivisions(self) -> int:
        """Passes an update."""
        return int(self._info.subdivisions)

    @property
    def width(self) -> int:
        """Of the input, in pixels."""
        return int(self._info.width)

    @property
    def height(self) -> int:
        """Of the input, in pixels."""
        return int(self._info.height)

    @property
    def channels(self) -> int:
        """Of the input."""
        return int(self._info.channels)

    @property
    def classes(self) -> int:
        """Of the last detector, softmax or output; 0: none."""
        return int(self._info.classes)

    @property
    def max_truths(self) -> int:
        """Boxes an image that the loss layers read; 0: the network is no detector."""
        return int(self._info.max_truths)

    @property
    def truths(self) -> int:
        """Values an image that a classifier's loss compares with; 0: a detector, or no loss."""
        return int(self._info.truths)

    @property
    def threads(self) -> int:
        """How many work at a pass."""
        return int(self._info.threads)

    @property
    def kernels(self) -> str:
        """What computes: "reference", "cuda", or the fast ones' kind ("baseline", "avx2", …)."""
        return str(text(self._info.kernels))

    @property
    def warnings(self) -> list[str]:
        """What in the cfg was passed over, one line each."""
        found: list[str] = []
        with self._handle.use() as network:
            while line := text(lib.dn_network_warning(network, len(found))):
                found.append(line)
        return found

    @property
    def seen(self) -> int:
        """Images seen in training; settable, as the schedule depends on it."""
        with self._handle.use() as network:
            return int(lib.dn_seen(network))

    @seen.setter
    def seen(self, images: int) -> None:
        check_range("seen", images, 2**62)
        with self._handle.use() as network:
            lib.dn_set_seen(network, images)

    @property
    def updates(self) -> int:
        """Updates since the network was made, Adam's clock; settable."""
        with self._handle.use() as network:
            return int(lib.dn_updates(network))

    @updates.setter
    def updates(self, count: int) -> None:
        check_range("updates", count, 2**63 - 1)
        with self._handle.use() as network:
            lib.dn_set_updates(network, count)

    @property
    def rate_factor(self) -> float:
        """What the schedule's rates are multiplied by, 1 at first; settable."""
        with self._handle.use() as network:
            return float(lib.dn_rate_factor(network))

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None:
        with self._handle.use() as network:
            lib.dn_set_rate_factor(network, factor)

    def rate_at(self, update: int) -> float:
        """Return the schedule's learning rate of an update; the first is 1."""
        check_range("update", update, 2**63 - 1, -(2**63))
        with self._handle.use() as network:
            return float(lib.dn_rate_at(network, update))

    @property
    def learning_rate(self) -> float:
        """Learning rate of the coming update."""
        info = self._info
        return self.rate_at(self.seen // (info.batch * info.subdivisions) + 1)

    @property
    def gradient_norm(self) -> float | None:
        """Norm of the last update's gradient before it was clipped; None without [net] clip_norm=.

        Of the mean over the update's images, without momentum and decay. A large clip_norm only
        measures.
        """
        with self._handle.use() as network:
            norm = float(lib.dn_gradient_norm(network))
        return None if norm < 0 else norm

    @property
    def cost(self) -> float:
        """Cost of the last pass: the mean over the loss layers, as Darknet."""
        with self._handle.use() as network:
            return float(lib.dn_cost(network))

    def __len__(self) -> int:
        return len(self._layers)

    def __getitem__(self, index: int) -> Layer:
        return self._layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    def find(self, kind: str) -> list[Layer]:
        """Return the layers of a type, in order.

        Parameters
        ----------
        kind : str
            The cfg section's name, for instance "region".
        """
        return [layer for layer in self._layers if layer.type == kind]

    @property
    def detectors(self) -> list[Layer]:
        """The layers that predict boxes, in order."""
        return [layer for layer in self._layers if layer.is_detector]

    def option(self, key: str) -> Any:
        """Return the value of a key of [net], or its default; see `Layer.option`."""
        return self._handle.option(-1, "net", key)

    @property
    def antialias(self) -> bool:
        """Whether images are made smaller without aliasing, as `antialias=` of [net] says."""
        return bool(self.option("antialias"))

    def memory(self, purpose: str = "train") -> tuple[int, int]:
        """Return what a network of this cfg takes by plan, in bytes.

        Parameters
        ----------
        purpose : str
            "train", "infer" or "keep".

        Returns
        -------
        parameters, activations : int
            The parameters with their gradients; everything else.
        """
        if purpose not in PURPOSES:
            raise ValueError(f"purpose={purpose!r}: there are {', '.join(PURPOSES)}")
        size = ffi.new("dn_bytes *")
        self._handle.call(lib.dn_network_bytes, PURPOSES[purpose], size)
        return size.parameters, size.activations

    def forward(
        self,
        x: npt.ArrayLike,
        truth: npt.ArrayLike | None = None,
        train: bool = False,
    ) -> FloatArray:
        """Run the network on images.

        Parameters
        ----------
        x : array (images, channels, height, width)
            0 to 1, RGB; float32, other types are converted. A training pass takes exactly `batch`
            images, another pass 1 to `batch`. backward() reads x again: do not change it before.
        truth : array, optional
            Detectors: (images, boxes, 5) of x, y, w, h, class, relative to the image; class -1: a
            region to ignore; a list ends at x == 0. Other networks: (images, classes), one-hot.
            Loss layers set their cost and delta only if it is given.
        train : bool
            Batch statistics, dropout, mining; backward() may follow. Afterwards its images are
            counted into `seen`.

        Returns
        -------
        ndarray (images, c, h, w) float32
            A copy of the output of the last layer that is neither cost nor lrm.

        Raises
        ------
        ValueError
            A shape does not fit.
        PylrmError
            A training pass or a truth in an inference network.
        """
        with self._handle.use():
            images = self._check_images(x, exactly=train)
            pointer, count, _held = self._check_truth(truth, len(images))
            self._images = images
            self._handle.call(lib.dn_forward, floats(images), len(images), pointer, count, train)
            info = self._info
            last = self._layers[info.output_layer]
            return np.array(last.output[: len(images)])

    def backward(self) -> None:
        """Compute the gradients of the training pass before it.

        Raises
        ------
        PylrmError
            There was none.
        """
        self._handle.call(lib.dn_backward)

    def update(self) -> None:
        """Change the parameters by their gradients, at the schedule's rate after `seen` images."""
        self._handle.call(lib.dn_update)

    def train_batch(self, x: npt.ArrayLike, truth: npt.ArrayLike) -> float:
        """Train on one batch: forward, backward, and an update after every `subdivisions` passes.

        A pass whose cost is not finite teaches nothing and its images are not counted.

        Parameters
        ----------
        x, truth : arrays
            As `forward` takes them; `batch` images.

        Returns
        -------
        float
            The cost, divided by the batch.

        Raises
        ------
        ValueError
            A shape does not fit.
        PylrmError
            In an inference network.
        """
        return self._trained(lib.dn_train_batch, x, truth)

    @property
    def gradients(self) -> FloatArray:
        """All parameters' gradients, with the momentum's velocity, as one writable array."""
        array = ffi.new("dn_array *")
        self._handle.call(lib.dn_gradients, array)
        return view(array[0])

    def train_pass(self, x: npt.ArrayLike, truth: npt.ArrayLike, gradient: FloatArray) -> float:
        """Do a pass of `train_batch` whose gradient is kept apart; it updates and counts nothing.

        With subdivisions, `train_batch` does the same as adding each pass's gradient to
        `gradients`, counting its images into `seen`, and `update` after the last one.

        Parameters
        ----------
        x, truth : arrays
            As `forward` takes them; `batch` images.
        gradient : ndarray float32
            As large as `gradients`; receives the pass's gradient, unless the cost is not finite.

        Returns
        -------
        float
            The cost, divided by the batch.

        Raises
        ------
        ValueError
            A shape does not fit.
        PylrmError
            In an inference network; `gradient` has another size.
        """
        return self._trained(lib.dn_train_pass, x, truth, floats(gradient), gradient.size)

    def _trained(self, function: Any, x: npt.ArrayLike, truth: npt.ArrayLike, *more: Any) -> float:
        """Return the loss of a training pass; more: what the function takes besides."""
        with self._handle.use():
            images = self._check_images(x, exactly=True)
            pointer, count, _held = self._check_truth(truth, len(images))
            loss = ffi.new("double *")
            self._images = images
            self._handle.call(function, floats(images), pointer, count, *more, loss)
            return float(loss[0])

    def find_not_finite(self, values_only: bool = False) -> str | None:
        """Return the first array that training changes with a value that is not finite.

        Parameters
        ----------
        values_only : bool
            Look at the parameters alone, not at gradients and what the solver keeps.

        Returns
        -------
        str or None
            As "grad weights of layer 3 [convolutional]"; None: all are finite.

        Raises
        ------
        PylrmError
            In an inference network.
        """
        index, name = ffi.new("int *"), ffi.new("char[]", lib.DN_NAME_ROOM)
        self._handle.call(lib.dn_find_not_finite, values_only, index, name)
        layer = int(index[0])
        return None if layer < 0 else f"{text(name)} of layer {layer} [{self[layer].type}]"

    def time_layers(self, on: bool = True) -> None:
        """Start to measure the time of each layer (`Layer.times`) from zero, or stop.

        Parameters
        ----------
        on : bool
            False: stop, and forget the times.
        """
        self._handle.call(lib.dn_network_time, on)

    def boxes(
        self,
        i: int,
        image_size: tuple[int, int] | None = None,
        thresh: float = 0.25,
        letterbox: bool = True,
        nms: float | None = None,
    ) -> FloatArray:
        """Return what detectors predicted for an image of the last pass.

        Parameters
        ----------
        i : int
            Which image.
        image_size : (int, int), optional
            Width and height of the original in pixels; None: as the network's input.
        thresh : float
            Probabilities not above it become 0; [yolo] leaves out predictions whose objectness is
            not above it.
        letterbox : bool
            The image was letterboxed into the input: correct the boxes for it.
        nms : float, optional
            Class by class, a box that overlaps (IoU > nms) a more probable one has its probability
            set to 0.

        Returns
        -------
        ndarray (n, 5 + classes) float32
            x, y, w, h (relative), objectness (1 with background=1), probabilities.

        Raises
        ------
        PylrmError
            The network is no detector, or the last pass had no such image.
        """
        check_range("i", i, least=-(2**31))
        width, height = image_size or (self.width, self.height)
        if not (1 <= width < 2**31 and 1 <= height < 2**31):
            raise ValueError(f"image_size={image_size}: each from 1 to {2**31 - 1}")
        with self._handle.use():
            capacity = sum(head.predictions for head in self.detectors)
            rows = ffi.new("int *")
            out = np.empty((capacity, 5 + self.classes), np.float32)
            size = (width, height, thresh, letterbox, nms or 0.0)
            self._handle.call(lib.dn_boxes, i, *size, floats(out), capacity, rows)
            return out[: rows[0]].copy()

    @overload
    def detect(  # type: ignore[overload-overlap]
        self,
        image: Image,
        thresh: float = ...,
        nms: float = ...,
        letterbox: bool = ...,
    ) -> Detections: ...

    @overload
    def detect(
        self,
        image: Sequence[Image],
        thresh: float = ...,
        nms: float = ...,
        letterbox: bool = ...,
    ) -> list[Detections]: ...

    def detect(
        self,
        image: Image | Sequence[Image],
        thresh: float = 0.25,
        nms: float = 0.45,
        letterbox: bool = True,
    ) -> Detections | list[Detections]:
        """Find objects in an image, or in each of a list of images, `batch` of them a pass.

        Parameters
        ----------
        image : path or uint8 array, or a list of these
            A file; or (h, w, 3) BGR as OpenCV reads it, (h, w) for grey networks.
        thresh : float
            Least score, exclusive.
        nms : float
            Of two boxes of a class that overlap more (IoU), the one of the lower score goes.
        letterbox : bool
            Keep the image's aspect, else stretch it to the input; as in training.

        Returns
        -------
        Detections
            A list of `Detection`, by score, highest first; of a list of images, one for each.

        Raises
        ------
        DataError
            A file cannot be read.
        ValueError
            An array does not fit.
        PylrmError
            The network is no detector.
        """
        one = isinstance(image, (str, os.PathLike, np.ndarray))
        images: Sequence[Any] = [image] if one else image  # type: ignore[assignment]
        found: list[Detections] = []
        with self._handle.use():
            for start in range(0, len(images), self.batch):
                pixels = [self._pixels(each) for each in images[start : start + self.batch]]
                found += self._detect_batch(pixels, thresh, nms, letterbox)
        return found[0] if one else found

    def stream(
        self,
        source: SourceLike | Sequence[SourceLike],
        thresh: float = 0.25,
        nms: float = 0.45,
        letterbox: bool = True,
        every: int = 1,
        on_error: Callable[[DataError], None] | None = None,
    ) -> Generator[Result, None, None]:
        """Find objects in images, videos and streams, frame by frame.

        Pictures are read and looked at in two threads, a few frames ahead, while the caller works
        on those before; the order stays. Of a live stream the newest frame is taken, so frames are
        left out where the network is slower.

        Parameters
        ----------
        source : path, URL or camera's number, or a list of these
            Files, folders, lists of images (.txt), patterns ("clips/*.mp4"), URLs as OpenCV opens
            them, cameras (0, or "0").
        thresh, nms, letterbox
            As `detect` takes them.
        every : int
            Of videos and streams, look at each so manieth frame only.
        on_error : function, optional
            Is called with a DataError in the place of an image that can't be read, and of a video
            or stream that breaks off; then it goes on with what comes after. Without it, the error
            is raised.

        Yields
        ------
        Result
            Of each frame. Close the iterator, or take all, for the threads to end.

        Raises
        ------
        DataError
            A source that is not there or can't be read.
        PylrmError
            The network is no detector.
        """
        check_range("every", every, least=1)

        def look(image: npt.NDArray[np.uint8]) -> Detections:
            return self.detect(image, thresh, nms, letterbox)

        return stream(find_sources(source), look, self.channels, every, on_error)

    def _pixels(self, image: Image) -> npt.NDArray[np.uint8]:
        """Return an image's pixels as the network takes them, (h, w) or (h, w, channels)."""
        pixels = image if isinstance(image, np.ndarray) else read_image(Path(image), self.channels)
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or channels != self.channels:
            raise ValueError(
                f"an image of shape {pixels.shape}, {pixels.dtype}: this network takes uint8 "
                + ("(h, w)" if self.channels == 1 else f"(h, w, {self.channels})")
            )
        return pixels

    def _detect_batch(
        self, images: list[npt.NDArray[np.uint8]], thresh: float, nms: float, letterbox: bool
    ) -> list[Detections]:
        """Return the detections in each of up to `batch` images."""
        x = np.empty((len(images), self.channels, self.height, self.width), np.float32)
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        antialias = self.antialias
        for pixels, own, size in zip(images, x, sizes, strict=True):
            transform = plain_transform(size, (self.width, self.height), letterbox)
            augment(pixels, own, antialias=antialias, **vars(transform))
        self.forward(x)
        return [
            detections_of(self.boxes(i, size, thresh, letterbox, nms), size)
            for i, size in enumerate(sizes)
        ]

    def load_weights(self, path: str | os.PathLike[str], upto: int | None = None) -> None:
        """Read parameters and `seen` from a weights file.

        Parameters
        ----------
        path : str or path
            The file; it may end early, between two layers.
        upto : int, optional
            Read layers 0…upto-1 only.

        Raises
        ------
        WeightsError
            The file is missing, or does not fit the network.
        ValueError
            `upto` is out of range.
        """
        self._weights(lib.dn_weights_load, path, upto)

    def save_weights(self, path: str | os.PathLike[str], upto: int | None = None) -> None:
        """Write parameters and `seen` to a weights file.

        Parameters
        ----------
        path : str or path
            The file; an older one is replaced.
        upto : int, optional
            Write layers 0…upto-1 only.

        Raises
        ------
        WeightsError
            The file cannot be written.
        ValueError
            `upto` is out of range.
        """
        self._weights(lib.dn_weights_save, path, upto)

    def resize(self, width: int, height: int) -> None:
        """Change the input's size; parameters stay, outputs are gone.

        Parameters
        ----------
        width, height : int
            In pixels.

        Raises
        ------
        PylrmError
            The network cannot have that size; it stays as it was.
        ValueError
            A number that no size can be.
        """
        check_range("width", width, least=-(2**31))
        check_range("height", height, least=-(2**31))
        self._handle.call(lib.dn_network_resize, width, height)

    def _weights(self, function: Any, path: str | os.PathLike[str], upto: int | None) -> None:
        if upto is not None:
            check_range("upto", upto)
        name = os.fsencode(path)
        if b"\0" in name:
            raise WeightsError(f"{os.fsdecode(name)!r}: a zero byte: this is no path of a file")
        self._handle.call(function, name, -1 if upto is None else upto)

    def _check_images(self, x: npt.ArrayLike, *, exactly: bool) -> FloatArray:
        images = np.ascontiguousarray(x, np.float32)
        info = self._info
        shape = (info.channels, info.height, info.width)
        count = info.batch if exactly else f"1…{info.batch}"
        expected = f"({count}, {', '.join(map(str, shape))})"
        if images.ndim != 4 or images.shape[1:] != shape:
            raise ValueError(f"images of shape {images.shape}, expected {expected}")
        if not 1 <= len(images) <= info.batch or (exactly and len(images) != info.batch):
            raise ValueError(f"a batch of {len(images)}, expected {expected}")
        return images

    def _check_truth(
        self, truth: npt.ArrayLike | None, images: int
    ) -> tuple[Any, int, FloatArray | None]:
        """Return what C takes (pointer, boxes or floats an image), and the array behind it."""
        if truth is None:
            return ffi.NULL, 0, None
        array = np.ascontiguousarray(truth, np.float32)
        info = self._info
        if info.max_truths:
            if array.ndim != 3 or array.shape[0] != images or array.shape[2] != 5:
                raise ValueError(
                    f"a truth of shape {array.shape}, expected ({images}, boxes, 5): x y w h class"
                )
            return floats(array), array.shape[1], array
        if not info.truths:
            raise PylrmError(f"{self.cfg}: the network has no loss layer, so it takes no truth")
        if array.ndim < 2 or array.shape[0] != images or array[0].size != info.truths:
            raise ValueError(f"a truth of shape {array.shape}, expected ({images}, {info.truths})")
        return floats(array), info.truths, array
