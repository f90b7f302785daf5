"""A helper process of `draw`: FOLDER TRAIN VALID SEED SHARE SHARES."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pylrm.demo.scenes import write_scenes

if __name__ == "__main__":
    train, valid, seed, share, shares = map(int, sys.argv[2:])
    try:
        write_scenes(Path(sys.argv[1]), (train, valid), seed, share, shares)
    except KeyboardInterrupt:  # the caller clears up
        os._exit(130)
