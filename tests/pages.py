"""The commands of a page of the docs, run in a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pylrm

ROOT = Path(__file__).parent.parent
COMMAND = re.compile(r"( {4,})\$ ")

OTHER = re.compile(r"convert (kitti|coco)|VOCdevkit")  # the tutorial's on data sets of others

# What makes a command of a page small enough for a test: options behind these words.
SMALLER = {
    "pylrm train": "--updates 1",
    "pylrm study grid": "--updates 1 --seeds 1",
    "pylrm weights import": "--images 4",
}


@dataclass
class Step:
    """A command of a page and the lines that stand below it."""

    command: str
    printed: list[str] = field(default_factory=list)


def steps(page: Path) -> list[Step]:
    """Read the commands of a page; a backslash at the end of a line joins the next to it."""
    found: list[Step] = []
    indent = ""  # of the block that has begun with a command
    for line in page.read_text(encoding="utf-8").splitlines():
        begins = COMMAND.match(line)
        if begins:
            indent = begins[1]
            found.append(Step(line[begins.end() :]))
        elif line and not line.startswith(indent or "none"):
            indent = ""
        elif indent and found[-1].command.endswith("\\") and not found[-1].printed:
            found[-1].command = f"{found[-1].command[:-1].rstrip()} {line.strip()}"
        elif indent and line.strip():
            found[-1].printed.append(line[len(indent) :])
    return found


def plain(lines: Iterable[str]) -> list[str]:
    """Return the lines without a digit, spaces and rules shortened; "…" stands for any lines."""
    shown = (re.sub(r"-{3,}", "---", " ".join(line.split())) for line in lines)
    return [line for line in shown if line and line != "…" and not re.search(r"\d", line)]


def smaller(command: str) -> str:
    """Return a command with one update for a run, one seed for a study, few images looked at."""
    for words, options in SMALLER.items():
        command = command.replace(f"{words} ", f"{words} {options} ")
    return re.sub(r"--seeds \S+", "--seeds 1", command).replace(
        "--updates 1 --resume", "--updates 2 --resume"
    )


class Shell:
    """Runs the steps of a page in a folder, made smaller."""

    def __init__(self, folder: Path) -> None:
        tools = folder / "tools"
        tools.mkdir()
        for name, options in {"pylrm": "-m pylrm", "python": ""}.items():
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {options} "$@"\n')
            (tools / name).chmod(0o755)
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(Path(pylrm.__file__).parents[1]),
            "OMP_WAIT_POLICY": "passive",
        }

    def __call__(self, step: Step) -> None:
        """Run a step, and look for what the page says that it prints."""
        command = smaller(step.command)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        mistake = bool(step.printed) and step.printed[0].startswith("pylrm: ")
        assert done.returncode == (2 if mistake else 0), f"{command}\n{done.stdout}"
        missing = [
            line for line in plain(step.printed) if line not in plain(done.stdout.split("\n"))
        ]
        assert not missing, f"{command}\n{done.stdout}"
