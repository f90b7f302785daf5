"""The table of formats: its options are those that the readers take."""

import inspect
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pylrm.cli.convert import subcommand
from pylrm.convert import FORMATS, convert
from pylrm.convert.annotations import Annotation
from pylrm.convert.formats import Format, Option
from pylrm.convert.reading import Found
from pylrm.convert.sizes import on_image
from pylrm.data.darknet import read_data
from pylrm.errors import DataError
from tests.convert.trees import pixels, png


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_options_are_the_readers_keywords(form):
    source, *keywords = inspect.signature(form.read).parameters.values()
    assert source.name == "source"
    assert all(keyword.kind is inspect.Parameter.KEYWORD_ONLY for keyword in keywords)
    assert {keyword.name: keyword.default for keyword in keywords} == {
        option.name: option.choices[0] if option.choices else None for option in form.options
    }


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_on_converting_has_all_formats(name):
    page = Path(__file__).parents[2] / "docs" / "converting.md"
    assert f"| `pylrm convert {name} " in page.read_text("utf-8")


def test_no_such_format(tmp_path):
    with pytest.raises(DataError, match="no format 'tar'; there is voc, kitti, coco, yolo"):
        convert("tar", tmp_path, tmp_path / "out")


def read_tally(source, *, kind="ant", lists=None):
    """A format of one's own: folders of images, each with one box."""

    def load(image):
        return on_image(image.stem, image, image, [Annotation(kind, (1, 2, 11, 22))])

    train, valid = (
        {image.stem: partial(load, image) for image in sorted((source / part).iterdir())}
        for part in lists
    )
    return Found(train, valid)


def test_a_reader_and_a_row_make_a_format(tmp_path, monkeypatch):
    options = (
        Option("kind", "What they are.", choices=("ant", "bee")),
        Option("lists", "The two folders.", several=True),
    )
    row = Format("tally", "FOLDER", read_tally, "coco", "Convert tallies.", options)
    monkeypatch.setitem(FORMATS, "tally", row)
    for name in ("one/a", "two/b", "two/c"):
        png(tmp_path / "in" / f"{name}.png")
    out = tmp_path / "out"
    words = [str(tmp_path / "in"), "--out", str(out), "--lists", "one,two", "--kind", "bee"]
    result = CliRunner().invoke(subcommand(row), words)
    assert result.exit_code == 0, result.output
    data = read_data(out / "out.data")
    assert (data.names, data.metric) == (["bee"], "coco")
    assert (out / "valid.txt").read_text() == "JPEGImages/b.png\nJPEGImages/c.png\n"
    assert pixels(out / "JPEGImages" / "a.png", 1) == pytest.approx(
        np.array([[0, 1, 2, 11, 22]]), abs=1e-3
    )
