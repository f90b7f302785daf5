"""pylrm doctor: what it says of a machine that works, and of one that does not. Completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest

import pylrm
from pylrm.engine import has_threads
from pylrm.inspect import doctor

Outcome = tuple[int, str, str]


def test_a_machine_that_works(run: Callable[..., Outcome]) -> None:
    code, out, err = run("doctor")
    lines = dict(line.split(maxsplit=1) for line in out.strip().splitlines())
    assert code == 0 and not err
    assert lines["pylrm"].startswith(pylrm.__version__) and lines["opencv"] == cv2.__version__
    assert ".jpg .png" in lines["images"] and "passed" in lines["self-test"]


def test_what_does_not_work_is_named(
    run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = doctor.trained
    monkeypatch.setattr(
        doctor, "trained", lambda kernels, threads: trained(kernels, 1) * (1 + (kernels == "fast"))
    )
    monkeypatch.setattr(cv2, "imwrite", lambda path, image: path.endswith((".jpg", ".png")))
    code, out, _ = run("doctor")
    assert code == 1 and out.endswith("not as it should be: images, self-test\n")
    assert "fast and reference kernels differ by 1.0e+00" in out
    assert "none; not .jpg .png .bmp .webp .tif" in out


def test_threads_that_change_results_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "trained", lambda kernels, threads: np.ones(3) + threads * 1e-9)
    assert "number of threads changes" in doctor.self_test().found and doctor.self_test().wrong


def test_a_build_without_openmp_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def processor() -> str:
        return next(each.found for each in doctor.examine() if each.what == "processor")

    assert ("one is used" in processor()) != has_threads()
    monkeypatch.setattr(doctor, "has_threads", lambda: False)
    assert processor().endswith("cores, of which one is used: built without OpenMP")


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert doctor.package("matplotlib").wrong


def test_shells_complete_commands_and_options() -> None:
    def completed(words: str, index: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", "from pylrm.cli.main import main; main()"],
            env={
                **os.environ,
                "_PYLRM_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(index),
            },
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    assert completed("pylrm tra", 1) == "plain,train\n"
    assert "plain,--checkpoint-every" in completed("pylrm train --che", 2)
