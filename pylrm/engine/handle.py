"""A network of the C library: it is used under a lock, and freed once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pylrm.binding.library import call, ffi, key_type, lib, text
from pylrm.errors import PylrmError


class Handle:
    """Owns a dn_network and lets one thread at a time use it.

    Parameters
    ----------
    cfg : bytes
        The cfg's text.
    options : dn_options *
        What else makes the network.
    """

    def __init__(self, cfg: bytes, options: Any) -> None:
        out = ffi.new("dn_network **")
        call(lib.dn_network_create, cfg, options, out)
        self._network = ffi.gc(out[0], lib.dn_network_destroy)
        self._lock = threading.RLock()

    @contextmanager
    def use(self) -> Iterator[Any]:
        """Hold the network, alone.

        Raises
        ------
        PylrmError
            It was closed.
        """
        with self._lock:
            if self._network is None:
                raise PylrmError("this network was closed")
            yield self._network

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        """Call a function of the library that takes the network first and a dn_error last."""
        with self.use() as network:
            call(function, network, *arguments)

    def close(self) -> None:
        """Free the network; arrays that were handed out keep their memory."""
        with self._lock:
            network, self._network = self._network, None
            if network is not None:
                ffi.release(network)

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._network is None

    def option(self, layer: int, section: str, key: str) -> Any:
        """Return the value of a key, as parsed, or its default.

        Parameters
        ----------
        layer : int
            Index of the layer; -1: [net].
        section : str
            The layer's type, or "net".
        key : str
            Its name in the cfg.

        Returns
        -------
        int, float, str, None or list
            By the key's type; None: a text that is empty by default.

        Raises
        ------
        PylrmError
            The section has no such key.
        """
        kind = key_type(section, key)
        name = key.encode()
        if kind in ("text", "choice"):
            value = ffi.new("const char **")
            with self.use() as network:
                call(lib.dn_option_text, network, layer, name, value)
                return text(value[0])
        number = ffi.new("double *")
        convert = int if kind in ("int", "ints") else float
        if kind in ("int", "float", None):
            self.call(lib.dn_option_number, layer, name, 0, number)
            return convert(number[0])
        values: list[int | float] = []
        with self.use() as network:
            while (
                lib.dn_option_number(network, layer, name, len(values), number, ffi.NULL)
                == lib.DN_OK
            ):
                values.append(convert(number[0]))
        return values
