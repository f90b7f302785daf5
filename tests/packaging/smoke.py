"""What an installed pylrm has to do where there is nothing but Python: run by try.sh."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

UPDATES = 5


def main() -> None:
    """Import, look around, draw scenes, train on them, measure; exits with what failed."""
    import pylrm
    from pylrm.demo import demo, scenes

    assert Path(sys.prefix) in Path(pylrm.__file__).parents, pylrm.__file__
    assert not any(map(shutil.which, ("cc", "gcc", "clang", "make"))), "a compiler is in PATH"
    assert "Usage: pylrm" in pylrm_says("--help")
    assert "passed" in pylrm_says("doctor")
    assert "region" in pylrm_says("info", "yolov2-tiny.cfg"), "of the shipped cfg files"
    with tempfile.TemporaryDirectory() as work:
        data = scenes.draw(Path(work, "scenes"), images=(8, 2))
        cfg, run = Path(work, "net.cfg"), Path(work, "run")
        cfg.write_text(demo.network(mining=True, updates=UPDATES))
        pylrm_says("train", "--quiet", "--cfg", str(cfg), "--data", str(data), "--out", str(run))
        with (run / "log.csv").open() as log:
            losses = [float(row["loss"]) for row in csv.DictReader(log)]
        assert len(losses) == UPDATES and all(0 < loss < float("inf") for loss in losses), losses
        weights = str(run / "weights" / "last.weights")
        measure = ("map", "--cfg", str(cfg), "--weights", weights, "--data", str(data))
        assert "mAP@.5" in pylrm_says(*measure)
        pylrm_says("plot", str(run), "-o", str(Path(work, "curves.png")))
    print(f"Python {sys.version.split()[0]}: pylrm {pylrm.__version__} works")


def pylrm_says(*arguments: str) -> str:
    """Run the command that the wheel installed; return what it printed."""
    command = [str(Path(sys.prefix, "bin", "pylrm")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
