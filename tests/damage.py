"""Files as no program should write them: words and bytes replaced by nasty ones."""

from __future__ import annotations

import re

from hypothesis import strategies as st

# fmt: off
NASTY = [
    b"", b" ", b"0", b"-1", b"-0.0", b"1e-320", b"1e18", b"1e308", b"-1e308", b"1e999", b"nan",
    b"Infinity", b"9" * 30, b"9" * 5000, b"1.5", b"null", b"true", b"[]", b"{}", b'"x"', b"\0",
    b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\t", b"\xe2\x80\xa8", b"\xc2\x85", b"\\ud800",
    b"\\u0000", b"\\n", b"..", b"../", b"/", b"\\", b":", b"~", b"#", b"a b", b"x" * 300,
    b"<!DOCTYPE a>", b"<!ENTITY b 'c'>", b"&b;", b"&#0;", b"&#10;", b"<", b">", b"<a>" * 20000,
    b"[" * 20000, b'{"a":' * 20000, b"<object>", b"</object>", b"<?xml version='1.0'?>",
    b"<?xml version='1.0' encoding='utf-7'?>", b"<?xml version='1.0' encoding='latin-1'?>",
]
# fmt: on


@st.composite
def damaged(draw, contents):
    """A few files' contents with some words replaced, or some bytes."""
    contents = dict(contents)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(contents)))
        data = contents[name]
        words = [match.span() for match in re.finditer(rb"[\w.+-]+|[^\w\s]", data)]
        if words and draw(st.booleans()):
            start, end = draw(st.sampled_from(words))
        else:
            start, end = sorted(draw(st.integers(0, len(data))) for _ in "ab")
        if draw(st.booleans()):  # keep most of it
            end = min(end, start + 3)
        new = draw(st.sampled_from(NASTY) | st.binary(max_size=8))
        contents[name] = data[:start] + new + data[end:]
    return contents
