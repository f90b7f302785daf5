"""HTML as a tree: a text stays a text, whatever characters are in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

Node = ElementTree.Element
Child = Node | str


def tag(name: str, /, *children: Child | Iterable[Child], **attributes: Any) -> Node:
    """Return an element.

    Parameters
    ----------
    name : str
        Of the element.
    *children : Node, str, or several of them
        What is in it; texts are escaped when the page is written.
    **attributes
        As Python spells them: `class_` is class, `aria_label` is aria-label. True stands for an
        attribute without a value; one that is None or False is left out.
    """
    node = ElementTree.Element(name)
    for key, value in attributes.items():
        if value is not None and value is not False:
            key = key.removesuffix("_").replace("_", "-")
            node.set(key, "" if value is True else str(value))
    for child in children:
        for one in [child] if isinstance(child, Node | str) else child:
            _append(node, one)
    return node


def _append(node: Node, child: Child) -> None:
    if isinstance(child, Node):
        node.append(child)
    elif len(node):
        node[-1].tail = (node[-1].tail or "") + child
    else:
        node.text = (node.text or "") + child


def data_block(name: str, value: Any) -> Node:
    """Return an element that holds JSON for the page's script; nothing in it can end it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return tag("script", text, type="application/json", id=name)


def document(html: Node) -> bytes:
    """Return a page's bytes; what UTF-8 cannot hold (half of a surrogate pair) becomes "?"."""
    text = ElementTree.tostring(html, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n".encode("utf-8", "replace")
