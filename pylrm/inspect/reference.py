"""The cfg reference of the docs, written from the engine's own tables of keys.

``python -m pylrm.inspect.reference > docs/cfg.md`` writes it; a test checks that it is up to date.
"""

from __future__ import annotations

from itertools import groupby

from pylrm.binding.library import Key, keys
from pylrm.data.augmentation import AUGMENTATIONS, CLASSIFIER_AUGMENTATIONS
from pylrm.data.mixing import MIXINGS

INTRODUCTION = """\
# The cfg language

Generated from the engine's tables: `python -m pylrm.inspect.reference > docs/cfg.md`.

A cfg is made of `[section]` lines, each followed by `key=value` lines. `#` and `;` start a comment
at the start of a line and after white space. `[net]` comes first; then a section a layer, in order.
Lists are separated by commas.
"""

UNBOUNDED = 1e6


def default_of(key: Key) -> str:
    """Return a key's default as a cfg would give it."""
    if key.default is None:
        return ""
    if key.type == "refused":
        return f"only {key.default}" if key.default else "none"
    return f"{key.default:g}" if isinstance(key.default, (int, float)) else key.default


def range_of(key: Key) -> str:
    """Return the range of a number, or the values of a choice; empty for other types."""
    if key.type == "choice":
        return ", ".join(key.choices)
    if key.type not in ("int", "float"):
        return ""
    if key.most >= UNBOUNDED:
        return "any" if key.least <= -UNBOUNDED else f"{key.least:g} or more"
    return f"{key.least:g} to {key.most:g}"


def reference() -> str:
    """Return the whole page, Markdown."""
    lines = [INTRODUCTION]
    told: set[tuple[str, ...]] = set()
    for section, group in groupby(keys(), key=lambda key: key.section):
        members = list(group)
        lines += ["## Any layer" if section == "any layer" else f"## [{section}]", ""]
        lines += ["| key | type | default | range | meaning |", "|---|---|---|---|---|"]
        lines += [
            f"| {key.name} | {key.type} | {default_of(key)} | {range_of(key)} | {key.doc} |"
            for key in members
        ]
        lines.append("")
        for key in members:
            if key.choices and key.choices not in told:
                told.add(key.choices)
                lines += choices(key)
    return "\n".join([*lines, *augmentations()])


def choices(key: Key) -> list[str]:
    """Return the lines of the table of what a key may be."""
    rows = [
        f"| {name} | {cell(summary)} |"
        for name, summary in zip(key.choices, key.summaries, strict=True)
    ]
    return [f"| {key.name} | what it is |", "|---|---|", *rows, ""]


def cell(text: str) -> str:
    """Return a text as it stands in a table of Markdown."""
    return text.replace("|", "\\|").replace("*", "\\*")


def augmentations() -> list[str]:
    """Return the lines of the tables of augmentations."""
    lines = []
    for kind, table in (("detectors'", AUGMENTATIONS), ("classifiers'", CLASSIFIER_AUGMENTATIONS)):
        rows = [f"| {', '.join(row.keys)} | {row.doc} |" for row in table]
        if table is CLASSIFIER_AUGMENTATIONS:
            rows.insert(0, "| angle | the image is rotated by up to so many degrees |")
        rows += [
            f"| {row.key} | every other sample: {row.doc} |"
            for row in MIXINGS
            if row.key != "cutmix" or table is CLASSIFIER_AUGMENTATIONS
        ]
        heading = f"## Augmentation of {kind} training images, in this order"
        lines += [heading, "", "| keys | what it does |", "|---|---|", *rows, ""]
    return lines


if __name__ == "__main__":
    print(reference(), end="")
