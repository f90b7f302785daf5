"""A layer of a network, seen from Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.binding.library import FloatArray, ffi, fields, floats, lib, text, view
from pylrm.engine.handle import Handle
from pylrm.errors import PylrmError

TRAINED = ("biases", "scales", "weights")
PARAMETERS = (*TRAINED, "rolling_mean", "rolling_variance")


class Layer:
    """A layer; made by `Network`, of which it is a part.

    Arrays are views of the engine's memory, and keep it alive. After a resize of the network, views
    of parameters and gradients still show the current values; those of outputs and deltas keep the
    old ones. After the network is closed, all views keep the old values.

    Attributes
    ----------
    index : int
        Place in the network, from 0.
    type : str
        The cfg section's name.
    line : int
        Of the section in the cfg.
    inputs : tuple of int
        Indices of the layers it reads; -1: the image.
    """

    def __init__(self, handle: Handle, index: int) -> None:
        self._handle = handle
        self.index = index
        info = self._info
        self.type = str(text(info.type))
        self.line: int = info.line
        self.inputs: tuple[int, ...] = tuple(info.input[i] for i in range(info.inputs))

    def __repr__(self) -> str:
        return f"<Layer {self.index} [{self.type}]>"

    @property
    def _info(self) -> Any:
        info = ffi.new("dn_layer_info *")
        self._handle.call(lib.dn_layer_describe, self.index, info)
        return info

    def _array(self, name: str) -> npt.NDArray[Any]:
        array = ffi.new("dn_array *")
        self._handle.call(lib.dn_layer_array, self.index, name.encode(), array)
        return view(array)

    def _names(self) -> list[str]:
        names: list[str] = []
        with self._handle.use() as network:
            while name := text(lib.dn_layer_array_name(network, self.index, len(names))):
                names.append(name)
        return names

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the output of one image: (channels, height, width)."""
        info = self._info
        return info.channels, info.height, info.width

    @property
    def params(self) -> dict[str, FloatArray]:
        """Parameters by name, as writable views; read-only in an inference network.

        biases, scales, rolling_mean, rolling_variance: (filters,); weights: (filters,
        channels/groups, size, size), of a connected layer (outputs, inputs).
        """
        return {name: self._array(name) for name in self._names() if name in PARAMETERS}

    @property
    def grads(self) -> dict[str, FloatArray]:
        """Gradients of the trained parameters by name, as writable views shaped as these.

        They have Darknet's sign (minus the gradient), and hold the momentum's velocity too: the sum
        of the gradients since the last update, plus momentum times the former value.

        Raises
        ------
        PylrmError
            In an inference network.
        """
        return {name: self._array(f"grad {name}") for name in self._names() if name in TRAINED}

    @property
    def state(self) -> dict[str, FloatArray]:
        """All arrays that training changes by name, as writable views.

        The parameters, and with "grad ", "former ", "m ", "v " or "average " before the name what
        the solver keeps beside each of the trained ones. With them, `fresh`, and the network's
        `seen`, `updates` and `rate_factor`, training goes on exactly.
        """
        names: list[str] = []
        room = ffi.new("char[]", lib.DN_NAME_ROOM)
        with self._handle.use() as network:
            while lib.dn_layer_state_name(network, self.index, len(names), room):
                names.append(str(text(room)))
        return {name: self._array(name) for name in names}

    @property
    def fresh(self) -> bool:
        """Whether rolling statistics have not yet seen a batch, nor been loaded; settable."""
        return bool(self._info.fresh)

    @fresh.setter
    def fresh(self, value: bool) -> None:
        self._handle.call(lib.dn_layer_set_fresh, self.index, value)

    @property
    def output(self) -> FloatArray:
        """Output of the last pass, a view: (batch, channels, height, width).

        Raises
        ------
        PylrmError
            It is not kept. The outputs of loss layers and of the network's output layer are always
            kept, those of other layers with keep=True; [lrm] has none.
        """
        return self._array("output")

    @property
    def delta(self) -> FloatArray:
        """Minus the gradient of the cost with respect to the output, a view shaped as `output`.

        After backward(), a convolutional layer's is with respect to the raw convolution, before
        batch norm and activation. That of [region] is as forward() left it, until backward()
        multiplies x, y and objectness by the gradient of the logistic function.

        Raises
        ------
        PylrmError
            It is not kept, or the network was made for inference.
        """
        return self._array("delta")

    @property
    def cost(self) -> float:
        """Cost of the last pass.

        Raises
        ------
        PylrmError
            Of a layer that is no loss layer.
        """
        info = self._info
        if not info.loss:
            raise PylrmError(f"layer {self.index} ([{self.type}]) has no cost: it is no loss layer")
        return float(info.cost)

    def roll(self, statistics: Mapping[str, FloatArray], fresh: bool) -> None:
        """Take a batch's own statistics into the rolling ones, as a training pass does.

        Parameters
        ----------
        statistics : mapping of str to ndarray float32
            The batch's, by the names of the rolling ones in `params`. A training pass of a layer
            that is `fresh` leaves them there.
        fresh : bool
            They are the first ones.
        """
        for name, own in statistics.items():
            rolling = self.params[name]
            if own.shape != rolling.shape:
                raise ValueError(f"{name} of shape {own.shape}, expected {rolling.shape}")
            lib.dn_roll(floats(rolling), floats(own), own.size, fresh)

    @property
    def assigned(self) -> npt.NDArray[np.int8]:
        """Of a detector: what each prediction was in the last training pass, (batch, predictions).

        1: claimed by a truth; -1: ignored (IoU > thresh, or in an ignore region); 0: background.
        """
        return self._array("assigned")

    @property
    def overlap(self) -> FloatArray:
        """Of a detector: IoU of each claimed prediction with its truth, (batch, predictions).

        Of the last training pass; 0 where nothing was claimed.
        """
        return self._array("overlap")

    @property
    def loss(self) -> FloatArray:
        """Of [lrm]: loss of each prediction in the last training pass, (batch, predictions)."""
        return self._array("loss")

    @property
    def selected(self) -> npt.NDArray[np.bool_]:
        """Of [lrm]: which predictions the last training pass kept, (batch, predictions).

        Where a mode weighs all predictions, those of a factor of 1 or more.
        """
        return self._array("selected")

    @property
    def boxes(self) -> FloatArray:
        """Of [lrm]: relative boxes x, y, w, h of the predictions, (batch, predictions, 4)."""
        return self._array("boxes")

    @property
    def classes(self) -> npt.NDArray[np.int32]:
        """Of [lrm]: most probable class of each prediction, (batch, predictions)."""
        return self._array("classes")

    @property
    def stats(self) -> dict[str, float]:
        """Of a detector: sums over the last pass with a truth, as the log averages them.

        iou, class_probability, objectness (over the truths, `count`; class_count for the second),
        noobjectness (over `predictions`), recall50 and recall75 (truths met with such an IoU).
        """
        stats = ffi.new("dn_detector_stats *")
        self._handle.call(lib.dn_layer_stats, self.index, stats)
        return fields(stats[0])

    @property
    def mining(self) -> dict[str, float]:
        """Of [lrm]: sums over the images of the last training pass.

        predictions, claimed (by a truth), kept, kept_claimed (both), and their losses: loss (of all
        predictions), claimed_loss, kept_loss, kept_claimed_loss.
        """
        stats = ffi.new("dn_mining_stats *")
        self._handle.call(lib.dn_layer_mining, self.index, stats)
        return fields(stats[0])

    @property
    def is_loss(self) -> bool:
        """Whether the layer has a cost."""
        return bool(self._info.loss)

    @property
    def is_detector(self) -> bool:
        """Whether the layer predicts boxes."""
        return bool(self._info.detector)

    @property
    def anchors(self) -> int:
        """Of a detector: predictions a cell; else 0."""
        return int(self._info.anchors)

    @property
    def grid(self) -> tuple[int, int]:
        """Of a detector: cells across and down; else 0, 0."""
        return int(self._info.columns), int(self._info.rows)

    @property
    def predictions(self) -> int:
        """Of a detector: predictions an image; else 0."""
        across, down = self.grid
        return self.anchors * across * down

    @property
    def parameters(self) -> int:
        """How many trained values and rolling statistics it has."""
        return int(self._info.parameters)

    @property
    def is_fused(self) -> bool:
        """Whether it is computed in the next layer's pass, without an output of its own.

        A depthwise layer in an inference network may be, when only a 1x1 convolution after it reads
        it.
        """
        return bool(self._info.fused)

    @property
    def multiply_adds(self) -> int:
        """Of one image's forward pass: convolutions and connected layers."""
        return int(self._info.multiply_adds)

    @property
    def backward_multiply_adds(self) -> int:
        """Of one image's backward pass: for the weights' gradient and, where asked, the input's.

        0 in an inference network, and of layers that no gradient reaches.
        """
        return int(self._info.backward_multiply_adds)

    @property
    def times(self) -> dict[str, int]:
        """Nanoseconds in forward, backward and update since `Network.time_layers`.

        Raises
        ------
        PylrmError
            The network's layers are not timed.
        """
        times = ffi.new("dn_times *")
        self._handle.call(lib.dn_layer_times, self.index, times)
        return fields(times[0])

    def option(self, key: str) -> Any:
        """Return a key's value as the cfg says it, or its default.

        Parameters
        ----------
        key : str
            Its name, for instance "thresh".

        Returns
        -------
        int, float, str, None or list of numbers
            By the key's type.

        Raises
        ------
        PylrmError
            The layer's section has no such key.
        """
        return self._handle.option(self.index, self.type, key)
