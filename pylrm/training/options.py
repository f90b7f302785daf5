"""The options of a training run: one definition for Python, the command line and options.json."""

from __future__ import annotations

import re
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


def option(
    default: Any,
    doc: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    resumed: bool = False,
) -> Any:
    """Declare an option.

    Parameters
    ----------
    default
        Its default.
    doc : str
        What it is for.
    least, most : float or None
        A number's range.
    choices : tuple of str
        What a text may be; empty: anything.
    resumed : bool
        A run that is gone on with may have another value: it changes nothing of what is learnt
        in an update.
    """
    metadata = {"doc": doc, "least": least, "most": most, "choices": choices, "resumed": resumed}
    return field(default=default, metadata=metadata)


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS))


def seconds_of(text: str) -> float:
    """Return the seconds of a duration like 2h30m, 90m, 1d or 45s.

    Raises
    ------
    ValueError
        It is none, or nothing.
    """
    match = _DURATION.fullmatch(text)
    parts = zip(match.groups(), _UNITS.values(), strict=True) if match else ()
    seconds = sum(float(number) * unit for number, unit in parts if number)
    if not seconds:
        raise ValueError(f"{text!r} is no duration like 2h30m, 90m or 45s")
    return seconds


@dataclass(frozen=True)
class TrainOptions:
    """How a run is trained: each field is an argument of `pylrm.train`, and of the command.

    Raises
    ------
    ValueError
        A number is out of its range, or a text is none that it may be.
    """

    weights: Path | None = option(None, "Start from these.  [default: random]")
    out: Path | None = option(None, "New run folder.  [default: runs/NAME-OF-CFG]")
    updates: int | None = option(
        None, "Last update.  [default: max_batches]", least=1, resumed=True
    )
    map_every: int | None = option(
        None,
        "Updates between validations; 0: none.  [default: about ten a run]",
        least=0,
        resumed=True,
    )
    save_every: int = option(
        0, "Updates between numbered weights; 0: only last and best.", least=0, resumed=True
    )
    checkpoint_every: int = option(
        0,
        "Updates between checkpoints, besides those that keep losses below five minutes.",
        least=0,
        resumed=True,
    )
    patience: int = option(
        0, "End after so many validations without a better mAP; 0: never.", least=0, resumed=True
    )
    time_limit: str | None = option(
        None,
        "Save and end in time, so long after the program's start (2h30m, 45m), for a batch queue.",
        resumed=True,
    )
    on_nan: str = option(
        "stop",
        "When loss or weights are not finite: stop, or go back to the last checkpoint and on at "
        "half the rate with the images in another order.",
        choices=("stop", "rollback"),
        resumed=True,
    )
    tensorboard: bool = option(
        False, "Write the curves for TensorBoard too, to OUT/tensorboard.", resumed=True
    )
    keep_seen: bool = option(False, "Go on counting images where --weights stopped.")
    freeze: int = option(
        0,
        "Layers, from the first on, whose parameters stay as they are (they get learning_rate=0 in "
        "the run's cfg, the last of them stopbackward=1 too).",
        least=0,
    )
    ema: float | None = option(
        None,
        "Average the weights: the share that the averages keep in each update of the second half "
        "(the cfg gets ema_alpha=).",
        least=0,
        most=1,
    )
    letterbox: bool | None = option(
        None,
        "Keep the aspect of images, or stretch them to the input.  [default: as the cfg's "
        "letter_box= says, else keep it]",
    )
    seed: int = option(
        0, "Of random weights, order of images and augmentation.", least=0, most=2**63 - 1
    )
    threads: int | None = option(
        None, "Of the engine.  [default: all cores]", least=1, resumed=True
    )
    device: str = option(
        "cpu",
        "What computes; cuda: a GPU, with a build for it.",
        choices=("cpu", "cuda"),
        resumed=True,
    )
    workers: int = option(
        2, "Threads that prepare images; results do not depend on them.", least=1, resumed=True
    )
    quiet: bool = option(False, "Show only warnings.", resumed=True)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if "Path" in str(each.type) and value is not None:
                object.__setattr__(self, each.name, Path(value))
            least, most = each.metadata["least"], each.metadata["most"]
            if value is not None and least is not None and value < least:
                raise ValueError(f"{each.name}={value}: it must be at least {least}")
            if value is not None and most is not None and value > most:
                raise ValueError(f"{each.name}={value}: it must be at most {most}")
            choices = each.metadata["choices"]
            if choices and value not in choices:
                raise ValueError(f"{each.name}={value!r}: it must be {' or '.join(choices)}")
        if self.time_limit is not None:
            seconds_of(self.time_limit)

    def record(self) -> dict[str, Any]:
        """Return the options as JSON holds them, for the run folder's options.json.

        Without `out` and `quiet`, which change nothing of what is trained.
        """
        values = asdict(self)
        del values["out"], values["quiet"]
        return {
            name: str(value.resolve()) if isinstance(value, Path) else value
            for name, value in values.items()
        }


def _entry(each: Field[Any]) -> str:
    return f"    {each.name} : {each.type}, default {each.default}\n        {each.metadata['doc']}"


TrainOptions.__doc__ = f"{TrainOptions.__doc__}\n    Attributes\n    ----------\n" + "\n".join(
    _entry(each) for each in fields(TrainOptions)
)
