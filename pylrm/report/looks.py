"""The page's style: page.css, and rules for the runs, in the colours of all of pylrm's figures."""

from __future__ import annotations

import colorsys
from pathlib import Path

from pylrm.pictures.style import COLOURS, LINE_STYLES


def style_sheet(runs: int) -> str:
    """Return the page's style for so many runs."""
    light, dark, others = [], [], []
    for number in range(runs):
        colour = COLOURS[number % len(COLOURS)]
        light.append(f".run-{number} {{ --run: {colour}; --dash: {dashes(number)}; }}")
        dark.append(f"  .run-{number} {{ --run: {lighter(colour)}; }}")
        others.append(f"#images:has(#of-run-{number}:checked) .of-run:not(.of-{number})")
    rules = [*light, "@media (prefers-color-scheme: dark) {", *dark, "}"]
    rules.append(f"{', '.join(others)} {{ display: none; }}")
    rules += [f".level-{level} {{ --share: {0.06 * level:.2f}; }}" for level in range(1, 11)]
    return Path(__file__).with_name("page.css").read_text("utf-8") + "\n".join(rules) + "\n"


def dashes(number: int) -> str:
    """Return a run's dashes, in pixels."""
    style = LINE_STYLES[number % len(LINE_STYLES)]
    if isinstance(style, str):
        return "none"
    return " ".join(f"{2 * float(part):g}" for part in style[1])  # of a line 2 pixels wide


def lighter(colour: str) -> str:
    """Return a colour for a dark page: of the same hue, and light enough."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = max(light, 0.62) if saturation else 0.9  # black becomes a light grey
    mended = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in mended)
