"""Put the licence of the library that a repaired wheel carries into the wheel.

`licences.py WHEEL COPYRIGHT`: COPYRIGHT is the file of the system that libgomp was taken from, and
goes into the wheel as it is, with the licence that it refers to and a note that says what it is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NOTICE = """\
{names} is the OpenMP runtime of GCC, as the system on which
this wheel was built has it ({copyright}). It is no part of pylrm and not
under pylrm's licence (MIT), but under the GNU General Public License, version 3, with the GCC
Runtime Library Exception, which lets programs under any licence be linked with it. Its source is
GCC's, in the package that the file `copyright` beside this one names. pylrm's module finds the
library by its name, so another build of it can take its place.
"""
TEXTS = Path("/usr/share/common-licenses/GPL-3")


def main(wheel: Path, terms: Path) -> None:
    """Unpack a wheel, add the licences of what auditwheel put into it, and pack it again."""
    with tempfile.TemporaryDirectory() as work:
        run("unpack", str(wheel), "--dest", work)
        (root,) = Path(work).iterdir()
        bundled = sorted(path.name for path in root.glob("*.libs/*"))
        strange = [name for name in bundled if not name.startswith("libgomp-")]
        if not bundled or strange:
            sys.exit(f"{wheel}: carries {', '.join(strange or ['no libgomp'])}: see licences.py")
        (info,) = root.glob("*.dist-info")
        folder = info / "licenses" / "libgomp"
        folder.mkdir(parents=True)  # an older setuptools puts licences elsewhere
        shutil.copyfile(terms, folder / "copyright")
        if TEXTS.is_file():
            shutil.copyfile(TEXTS, folder / TEXTS.name)
        notice = NOTICE.format(names=", ".join(bundled), copyright=terms)
        (folder / "NOTICE").write_text(notice, encoding="utf-8")
        run("pack", str(root), "--dest-dir", str(wheel.parent))


def run(*arguments: str) -> None:
    """Call `wheel`, without its messages."""
    command = [sys.executable, "-m", "wheel", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
