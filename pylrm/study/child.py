"""A process that does one run for its parent, and ends when the parent does.

The task comes as a line of JSON on standard input, which then stays open: when it closes, the
parent is gone, whatever ended it, and so is this process. What is told goes to standard output, a
line of JSON each: {"update": …, "last": …}, and {"failed": …} for an error in one line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from pylrm.errors import PylrmError
from pylrm.study.run import Task, perform


def main() -> None:
    """Do the run that the parent names."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to the errors
    line = sys.stdin.buffer.readline()
    if not line:
        return
    order = json.loads(line)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(**message: object) -> None:
        print(json.dumps(message), file=channel, flush=True)

    try:
        perform(
            Task(**order["task"]),
            Path(order["folder"]),
            lambda update, last: tell(update=update, last=last),
        )
    except PylrmError as error:
        tell(failed=str(error))


def _end_with_parent() -> None:
    """Wait until standard input closes, then end at once."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
