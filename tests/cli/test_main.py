"""The command as a whole: its help, and what becomes of errors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import pylrm
from pylrm.cli import main as module
from pylrm.errors import CfgWarning, DataError

Run = Callable[..., tuple[int, str, str]]
COMMANDS = {
    *(
        "train",
        "classify",
        "study",
        "plot",
        "report",
        "explain",
        "demo",
        "doctor",
        "export",
        "detect",
        "map",
        "cfg",
        "info",
        "weights",
        "bench",
    ),
    *("convert", "check", "preview", "hardest", "anchors"),
}


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch, run: Run) -> Callable[..., tuple[int, str, str]]:
    """Runs a command that does what it is given."""

    def call(action: Callable[[], object]) -> tuple[int, str, str]:
        stand_in = click.Command("info", callback=action)
        monkeypatch.setattr(module.Group, "get_command", lambda *_: stand_in)
        return run("info")

    return call


def raises(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def test_help_groups_all_commands(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    headings = [line for line in out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Options:", "Train:", "Use:", "Models:", "Data:", "Help:"]
    rows = [line.split() for line in out.splitlines() if line.startswith("  ")]
    assert COMMANDS.issubset(row[0] for row in rows)
    assert {name for names in module.SECTIONS.values() for name in names} == COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_has_help_and_an_example(run: Run, name: str) -> None:
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "") and out.startswith(f"Usage: pylrm {name}")
    pages = [out]
    if name == "convert":
        pages = [run(name, "voc", "--help")[1]]
    assert all(re.search(rf"pylrm {name}\s", re.split("Examples?:", page)[1]) for page in pages)


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"pylrm {pylrm.__version__}\n", "")


def test_without_a_command_it_says_what_to_do_next(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run()
    assert (code, err) == (0, "") and "pylrm demo" in out and "pylrm --help" in out


def test_without_a_command_of_its_own_a_groups_help_is_shown(run: Run) -> None:
    code, out, err = run("weights")
    assert (code, out) == (2, "") and "Usage: pylrm weights" in err


def test_a_misspelt_command_names_the_nearest(run: Run) -> None:
    code, _, err = run("trian")
    assert (
        code == 2 and err == "pylrm: no command 'trian'; did you mean train? (see pylrm --help)\n"
    )
    assert "there is train, " in run("xyzzy")[2]
    assert run("--frobnicate")[0] == 2


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a.txt:3: wrong"), 2, "pylrm: a.txt:3: wrong\n"),
        (DataError("two\nlines"), 2, "pylrm: two lines\n"),
        (
            click.UsageError("no good"),
            2,
            "pylrm: no good (see pylrm --help)\n",
        ),
        (click.ClickException("bad"), 2, "pylrm: bad\n"),
        (KeyError("x"), 1, "pylrm: KeyError: 'x' (PYLRM_DEBUG=1 shows where)\n"),
        (MemoryError(), 1, "pylrm: MemoryError: (PYLRM_DEBUG=1 shows where)\n"),
        (SystemExit(2), 2, ""),
    ],
)
def test_errors_are_one_line_and_a_code(
    act: Callable[..., tuple[int, str, str]], error: BaseException, code: int, message: str
) -> None:
    found, out, err = act(raises(error))
    assert (found, out) == (code, "")
    if isinstance(error, click.UsageError):
        err = err.replace("pylrm info --help", "pylrm --help")
    assert err == message


def test_ctrl_c_is_130(act: Callable[..., tuple[int, str, str]]) -> None:
    assert act(raises(KeyboardInterrupt()))[0] == 130


@pytest.mark.parametrize(("error", "code"), [(KeyError("x"), 1), (DataError("x"), 2)])
def test_debug_shows_the_traceback(
    act: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    monkeypatch.setenv("PYLRM_DEBUG", "1")
    found, _, err = act(raises(error))
    assert found == code and "Traceback" in err and "in action" in err


def test_warnings_about_a_cfg_are_said_once(act: Callable[..., tuple[int, str, str]]) -> None:
    def action() -> None:
        for text in ("my.cfg:3: one", "my.cfg:4: other", "my.cfg:3: one"):
            warnings.warn(text, CfgWarning, stacklevel=2)

    expected = "pylrm: warning: my.cfg:3: one\npylrm: warning: my.cfg:4: other\n"
    for _ in range(2):
        assert act(action) == (0, "", expected)


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "pylrm", "cfg", "yolov2-darknet19", "--classes", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_importing_the_command_is_light() -> None:
    code = (
        "import sys, pylrm.cli.main; print([m for m in ('cv2', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(pylrm.__file__).parents[1],
    )
    assert result.stdout == "[]\n"
