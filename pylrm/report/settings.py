"""What went into the runs, and the commands that repeat them."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pylrm.report.markup import Node, tag
from pylrm.report.subjects import Subject
from pylrm.training.options import TrainOptions

NOT_TOLD = ("out", "quiet", "threads", "workers")  # of these, no result depends


def train_command(cfg: str | Path, options: Mapping[str, Any]) -> str:
    """Return the command line that repeats a run.

    Parameters
    ----------
    cfg : str or path
        The run's cfg.
    options : mapping
        What options.json holds. Options that are as by default are left out, and those of which no
        result depends.
    """
    words = ["pylrm", "train", "--cfg", str(cfg), "--data", str(options["data"])]
    for each in fields(TrainOptions):
        value = options.get(each.name, each.default)
        flag = "--" + each.name.replace("_", "-")
        if each.name in NOT_TOLD or value == each.default:
            continue
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            words += [flag, str(value)]
    return shlex.join(words)


def commands(one: Subject) -> Iterator[str]:
    """Yield the commands that train a run again and measure it."""
    if one.cfg is not None and one.run is not None:
        yield train_command(one.run.cfg, one.options)
        if one.measured is not None:
            weights = str(one.measured.weights)
            yield shlex.join(["pylrm", "map", "--cfg", str(one.run.cfg), "--weights", weights])


def options_table(subjects: Sequence[Subject]) -> Node:
    """Return the options of the runs, those in which they differ first."""
    runs = [one for one in subjects if one.options]
    names = list(dict.fromkeys(name for one in runs for name in one.options))
    differs = {name: len({str(one.options.get(name)) for one in runs}) > 1 for name in names}
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            *(tag("td", value_text(one.options.get(name)), class_="text") for one in runs),
            class_="differs" if differs[name] else None,
        )
        for name in sorted(names, key=lambda name: not differs[name])
    ]
    head = tag("tr", tag("th", "option", scope="col"))
    head.extend(tag("th", one.name, scope="col", class_="text") for one in runs)
    return tag("table", tag("thead", head), tag("tbody", *rows))


def value_text(value: Any) -> str:
    """Return an option's value as a reader says it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(
            "×".join(map(str, one)) if isinstance(one, list) else str(one) for one in value
        )
    return str(value)


def cfg_texts(subjects: Sequence[Subject]) -> Iterator[Node]:
    """Yield the cfg files, and what is different in each from the first one."""
    first: Subject | None = None
    for one in subjects:
        if one.cfg is None:
            continue
        text = one.cfg.text.decode("utf-8", "replace")
        if first is None or first.cfg is None:
            first = one
        else:
            former = first.cfg.text.decode("utf-8", "replace")
            yield cfg_difference(first.name, former, one.name, text)
        yield tag("details", tag("summary", f"cfg of {one.name}"), tag("pre", text, tabindex="0"))


def cfg_difference(first: str, former: str, second: str, text: str) -> Node:
    """Return the lines in which a cfg differs from the first run's."""
    found = difflib.unified_diff(former.splitlines(), text.splitlines(), n=2, lineterm="")
    lines = list(found)[2:]  # without the names
    if not lines:
        return tag("p", f"{second} has the cfg of {first}.")
    looks = {"+": "added", "-": "removed"}
    shown = [tag("span", f"{line}\n", class_=looks.get(line[0])) for line in lines]
    summary = tag("summary", f"cfg of {second}: what is different from {first}")
    return tag("details", summary, tag("pre", *shown, tabindex="0"), open=True)
