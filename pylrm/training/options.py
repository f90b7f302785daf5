"""The options of a training run: one definition for Python, the command line and options.json."""

from __future__ import annotations

from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


def option(default: Any, doc: str, *, least: int | None = None, most: int | None = None) -> Any:
    """Declare an option: its default, what it is for, and a number's range."""
    return field(default=default, metadata={"doc": doc, "least": least, "most": most})


@dataclass(frozen=True)
class TrainOptions:
    """How a run is trained: each field is an argument of `pylrm.train`, and of the command.

    Raises
    ------
    ValueError
        A number is out of its range.
    """

    weights: Path | None = option(None, "Start from these.  [default: random]")
    out: Path | None = option(None, "New run folder.  [default: runs/NAME-OF-CFG]")
    updates: int | None = option(None, "Last update.  [default: max_batches]", least=1)
    map_every: int | None = option(
        None, "Updates between validations; 0: none.  [default: about ten a run]", least=0
    )
    save_every: int = option(0, "Updates between numbered weights; 0: only last and best.", least=0)
    keep_seen: bool = option(False, "Go on counting images where --weights stopped.")
    letterbox: bool | None = option(
        None,
        "Keep the aspect of images, or stretch them to the input.  [default: as the cfg's "
        "letter_box= says, else keep it]",
    )
    seed: int = option(
        0, "Of random weights, order of images and augmentation.", least=0, most=2**63 - 1
    )
    threads: int | None = option(None, "Of the engine.  [default: all cores]", least=1)
    workers: int = option(2, "Threads that prepare images; results do not depend on them.", least=1)
    quiet: bool = option(False, "Show only warnings.")

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
