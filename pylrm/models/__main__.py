"""Write the cfg files that come with pylrm: `python -m pylrm.models`."""

from pylrm.files import shipped
from pylrm.models.catalogue import files

for name, text in files().items():
    (shipped.folder("cfg") / name).write_text(text, encoding="utf-8", newline="\n")
