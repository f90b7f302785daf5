"""Curves made shorter: what stays of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.report.charts import POINTS, curve
from pylrm.report.markup import data_block, document, tag
from tests.report.pages import Page


@pytest.mark.parametrize("length", [1, 7, POINTS, POINTS + 1, 10 * POINTS + 3])
def test_long_curves_are_means_of_neighbours(length: int) -> None:
    random = np.random.default_rng(length)
    x = np.arange(1.0, length + 1)
    y = random.normal(5, 1, length)
    y[random.random(length) < 0.3] = np.nan
    found = curve(2, x, y, "main")
    pieces = -(-length // POINTS)
    expected = []
    for start in range(0, length, pieces):
        part = y[start : start + pieces]
        if np.isfinite(part).any():
            expected.append((x[start : start + pieces].mean(), np.nanmean(part)))
    assert len(found["x"]) <= POINTS and found["run"] == 2
    got = np.array([found["x"], found["y"]]).T
    np.testing.assert_allclose(got, np.array(expected).reshape(-1, 2), rtol=6e-5)


@given(st.text(), st.text())
def test_texts_and_attributes_stay_what_they_are(text: str, value: str) -> None:
    page = Page(document(tag("p", text, title=value)).decode())
    assert page.elements == [("p", {"title": value})]
    assert "".join(page.text_of("p")) == (text if text.strip() else "")


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_data_cannot_end_its_element(value: Any) -> None:
    made = document(data_block("data", value)).decode()
    inside = made.split(">", 2)[2].rsplit("</script>", 1)[0]
    assert not set("<>&") & set(inside) and json.loads(inside) == value
