"""Running the command in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

Outcome = tuple[int, str, str]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs a command line: exit code, stdout, stderr."""

    def call(*arguments: object) -> Outcome:
        from pylrm.cli.main import main

        monkeypatch.setattr(sys, "argv", ["pylrm", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call
