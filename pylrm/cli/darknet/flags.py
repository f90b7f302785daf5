"""The flags of Darknet's command lines: one table, which docs/coming-from-darknet.md shows too.

`python -m pylrm.cli.darknet.flags` prints that page's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import click

Kind = Literal["on", "whole", "number", "text"]
Fate = Literal["honoured", "passed over", "refused"]

WORDS = {"on": "", "whole": " N", "number": " X", "text": " TEXT"}
DETECTING = ("test", "demo")
MEASURING = ("valid", "map", "recall")


@dataclass(frozen=True)
class Flag:
    """A flag of Darknet's.

    Attributes
    ----------
    name
        With its hyphen.
    kind
        What follows it: nothing ("on"), a whole number, a number, a text.
    fate
        What becomes of it here.
    doc
        In a sentence: what it does; or why it does nothing, and what does in its place.
    where
        The commands in which it is honoured; elsewhere it is passed over.
    """

    name: str
    kind: Kind
    fate: Fate
    doc: str
    where: tuple[str, ...] = ()


def used(name: str, kind: Kind, doc: str, *where: str) -> Flag:
    """Return a flag that does what it does in Darknet."""
    return Flag(name, kind, "honoured", doc, where)


def passed(name: str, kind: Kind, doc: str) -> Flag:
    """Return a flag that changes nothing."""
    return Flag(name, kind, "passed over", doc)


def refused(name: str, kind: Kind, doc: str) -> Flag:
    """Return a flag that ends the command."""
    return Flag(name, kind, "refused", doc)


CPU = "the CPU works here"
SERVER = (
    "there is no server here: write a video with -out_filename, or lines with `pylrm detect --json`"
)

FLAGS = (
    used("-dont_show", "on", "opens no window", *DETECTING, "train"),
    used("-map", "on", "measures mAP on valid= while training; writes NAME_best.weights", "train"),
    used("-clear", "on", "counts images from 0, whatever the weights file says", "train"),
    used("-chart", "text", "the chart's file, in place of chart.png", "train"),
    used("-thresh", "number", "the lowest score", *DETECTING, "map", "recall"),
    used("-nms", "number", "IoU above which the lower of two boxes goes", *DETECTING, *MEASURING),
    used("-letter_box", "on", "keeps the aspect of images", *DETECTING, *MEASURING, "train"),
    used("-ext_output", "on", "prints coordinates too", *DETECTING),
    used("-out", "text", "test: a JSON file; valid: begins the files' names", "test", "valid"),
    used("-save_labels", "on", "writes what is found as labels beside the images", "test"),
    used("-prefix", "text", "writes each drawn frame to TEXT_00000001.jpg and so on", "demo"),
    used("-out_filename", "text", "writes a video", "demo"),
    used("-t", "whole", "how many classes are shown", "predict"),
    used("-c", "whole", "the camera's number", "demo"),
    used("-s", "whole", "leaves out N frames after each", "demo"),
    used("-iou_thresh", "number", "what a hit's IoU exceeds", "map", "recall"),
    used("-points", "whole", "0: area below the curve; 11: VOC2007's points", "map"),
    used("-num_of_clusters", "whole", "how many anchors", "calc_anchors"),
    used("-width", "whole", "of the network's input", "calc_anchors"),
    used("-height", "whole", "of the network's input", "calc_anchors"),
    used("-show", "on", "draws boxes and anchors to cloud.png", "calc_anchors"),
    passed("-gpus", "text", CPU),
    passed("-gpu", "text", CPU),
    passed("-i", "whole", CPU),
    passed("-nogpu", "on", CPU),
    passed("-hier", "number", "a class tree goes down where a node is likelier than .5"),
    passed("-avg", "whole", "each frame stands for itself"),
    passed("-avgframes", "whole", "each frame stands for itself"),
    passed("-fps", "whole", "frames are taken as they come"),
    passed("-w", "whole", "a camera's frames are taken as they come"),
    passed("-h", "whole", "a camera's frames are taken as they come"),
    passed("-fullscreen", "on", "the window can be made larger by hand"),
    refused("-mjpeg_port", "whole", SERVER),
    refused("-json_port", "whole", SERVER),
    refused("-http_port", "whole", SERVER),
    refused("-http_post_host", "text", SERVER),
    refused("-show_imgs", "on", "`pylrm preview` draws what the network will see"),
    refused("-benchmark", "on", "`pylrm bench` measures speed"),
    refused("-benchmark_layers", "on", "`pylrm bench` measures the time of each layer"),
)
BY_NAME = {flag.name: flag for flag in FLAGS}


@dataclass
class Line:
    """A command line, taken apart.

    Attributes
    ----------
    words
        What is no flag, in order.
    flags
        Name without hyphen to value; True for flags without one.
    remarks
        A line for each flag that is passed over.
    """

    words: list[str]
    flags: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a flag's value."""
        return self.flags.get(name, default)

    @property
    def letterbox(self) -> bool | None:
        """True: the aspect is to be kept; None: as the cfg says."""
        return True if "letter_box" in self.flags else None


def take_apart(command: str, arguments: Sequence[str]) -> Line:
    """Find the flags, which may stand anywhere.

    Raises
    ------
    click.UsageError
        A flag that nobody knows, or that is refused; a value that is missing or does not fit.
    """
    line = Line([])
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            line.words.append(word)
            continue
        flag = BY_NAME.get(word)
        if flag is None:
            raise click.UsageError(f"no flag {word} in `{command}`; there is {known(command)}")
        if flag.fate == "refused":
            raise click.UsageError(f"{word}: {flag.doc}")
        value: Any = True
        if flag.kind != "on":
            value = value_of(flag, rest.pop(0) if rest else None)
        elif rest and rest[0] in ("0", "1"):  # as in "-clear 1", which people write
            value = rest.pop(0) == "1"
        if flag.fate == "passed over":
            line.remarks.append(f"{word} changes nothing: {flag.doc}")
        elif command not in flag.where:
            line.remarks.append(f"{word} changes nothing in `{command}`")
        elif value is not False:
            line.flags[word[1:]] = value
    return line


def value_of(flag: Flag, text: str | None) -> Any:
    """Return the value that follows a flag.

    Raises
    ------
    click.UsageError
        It is missing or no such value.
    """
    kinds = {"whole": "a whole number", "number": "a number", "text": "a text"}
    if text is None or text in BY_NAME:
        raise click.UsageError(f"{flag.name} needs {kinds[flag.kind]} after it")
    try:
        if flag.kind == "whole":
            value = int(text)
            if value < 0:
                raise ValueError
            return value
        if flag.kind == "number":
            number = float(text)
            if not 0 <= number <= 1:
                raise click.UsageError(f"{flag.name} {text:.40}: it must be from 0 to 1")
            return number
    except ValueError:
        raise click.UsageError(
            f"{flag.name} {text:.40}: expected {kinds[flag.kind]}, not below 0"
        ) from None
    return text


def known(command: str) -> str:
    """Return the flags that a command honours, as text."""
    return ", ".join(flag.name for flag in FLAGS if command in flag.where) or "none"


def table() -> str:
    """Return the table of docs/coming-from-darknet.md."""
    lines = ["| flag | becomes | |", "|---|---|---|"]
    for flag in FLAGS:
        where = f" in {', '.join(flag.where)}" if flag.where else ""
        lines.append(f"| `{flag.name}{WORDS[flag.kind]}` | {flag.fate}{where} | {flag.doc} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
