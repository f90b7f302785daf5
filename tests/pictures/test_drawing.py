"""Boxes on images, and pages of images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.errors import PylrmError
from pylrm.pictures import drawing
from pylrm.pictures.drawing import Mark, mark, sheet, write_image

RED = (0, 0, 255)
GREEN = (0, 255, 0)


def image(height: int, width: int, value: int = 100) -> drawing.ByteImage:
    return np.full((height, width, 3), value, np.uint8)


def pixels(drawn: drawing.ByteImage, colour: drawing.Colour) -> np.ndarray:
    return np.argwhere((drawn == colour).all(axis=2))


def test_an_outline_is_where_the_box_is_and_the_image_stays_as_it_was() -> None:
    plain = image(100, 120)
    drawn = mark(plain, [Mark((20, 30, 60.4, 79.6), RED)])
    assert (plain == 100).all()
    found = pixels(drawn, RED)
    assert found.min(axis=0).tolist() == [30, 20] and found.max(axis=0).tolist() == [80, 60]
    assert len(found) == 2 * (51 + 41) - 4  # one pixel wide, unbroken
    changed = (drawn != plain).any(axis=2).sum()
    assert changed == len(found)


def test_dashes_lie_on_the_outline_and_leave_about_half_of_it() -> None:
    box = (20, 30, 60, 80)
    whole = {tuple(p) for p in pixels(mark(image(100, 120), [Mark(box, RED)]), RED)}
    dashed = {tuple(p) for p in pixels(mark(image(100, 120), [Mark(box, RED, dashed=True)]), RED)}
    assert dashed < whole
    assert 0.4 < len(dashed) / len(whole) < 0.75
    both = mark(image(100, 120), [Mark(box, RED, dashed=True)])
    assert {tuple(p) for p in pixels(both, drawing.BLACK)} == whole - dashed


@pytest.mark.parametrize("dashed", [False, True])
def test_marks_beyond_the_image_and_without_area(dashed: bool) -> None:
    boxes = [(-50.0, -50.0, 500.0, 500.0), (30.0, 30.0, 30.0, 30.0), (40.0, 40.0, 20.0, 20.0)]
    drawn = mark(image(60, 60), [Mark(box, RED, "text", dashed) for box in boxes])
    assert drawn.shape == (60, 60, 3)


def test_later_marks_are_on_top_and_texts_above_all_outlines() -> None:
    box = (10, 50, 90, 90)
    drawn = mark(image(100, 100), [Mark(box, RED, "x"), Mark(box, GREEN)])
    assert (drawn[90, 10:91] == GREEN).all()
    across = mark(image(100, 100), [Mark(box, RED, "text"), Mark((0, 45, 99, 99), GREEN)])
    assert (across[45, 10:12] == RED).all()  # the text's background


def test_grey_images_become_colour() -> None:
    drawn = mark(np.full((50, 40), 7, np.uint8), [])
    assert drawn.shape == (50, 40, 3) and (drawn == 7).all()
    assert sheet([(np.full((50, 40), 7, np.uint8), "grey")], 1).ndim == 3


def test_a_sheet_has_every_image_in_its_cell_in_the_middle() -> None:
    tiles = [(image(40, 80, 10 * (i + 1)), "") for i in range(4)] + [(image(80, 20, 50), "")]
    page = sheet(tiles, columns=3, cell=160)
    gap = 5
    assert page.shape == (gap + 80 + 2 + gap + 160 + 2 + gap, gap + 3 * (160 + gap), 3)
    for i in range(3):  # each twice as wide as high, and so is the row
        assert (page[gap : gap + 80, gap + i * 165 :][:, :160] == 10 * (i + 1)).all()
    below = page[gap + 80 + 2 + gap :][:160]
    assert (below[40:120, gap : gap + 160] == 40).all()
    assert (below[:40, : gap + 160] == 255).all() and (below[120:, : gap + 160] == 255).all()
    assert (below[:, gap + 165 + 60 : gap + 165 + 100] == 50).all()
    assert (below[:, gap + 165 + 101 :] == 255).all()


def test_columns_without_images_take_no_room() -> None:
    assert np.array_equal(sheet([(image(9, 9), "a")], 7), sheet([(image(9, 9), "a")], 1))


def test_captions_stay_below_their_own_cell() -> None:
    text = "W" * 200 + " and then a name/with/no/blanks/" + "m" * 200
    page = sheet([(image(50, 50), text), (image(50, 50), "")], 2, 160)
    gap = 5
    assert (page[160 + gap :, 160 + 2 * gap :] == 255).all()  # nothing runs into the next cell
    below = page[160 + gap :, gap : 160 + gap]
    assert (below < 128).any()
    assert (page[-2:] == 255).all() and (page[:, :gap] == 255).all()  # nothing is cut off


@pytest.mark.parametrize("cell", [64, 160, 320, 500])
def test_a_caption_is_wrapped_and_cut(cell: int) -> None:
    lines = drawing.caption_lines("zwölf Wörter " * 40, cell)
    assert len(lines) == drawing.CAPTION_LINES and lines[-1].endswith("...")
    assert lines[0].startswith("zw?lf")
    assert drawing.caption_lines("a\nb", cell) == ["a", "b"]
    assert drawing.caption_lines("", cell) == []


def test_a_sheet_of_nothing() -> None:
    with pytest.raises(ValueError, match="tiles"):
        sheet([], 3)


def test_chapters_have_headings_and_one_width() -> None:
    pages = [("a heading that is wider than its page", image(30, 40, 9)), ("b", image(20, 700, 8))]
    whole = drawing.chapters(pages)
    assert whole.shape == (48 + 30 + 48 + 20, 700, 3)
    assert (whole[48:78, :40] == 9).all() and (whole[48:78, 40:] == 255).all()
    assert (whole[126:] == 8).all()
    assert (whole[:48] < 128).any() and (whole[78:126] < 128).any()
    assert drawing.chapters(pages[:1]).shape[1] > 400


def test_images_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "näme.png"
    write_image(path, image(5, 4, 9))
    written = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(written, image(5, 4, 9))
    for name, part in [("a.nothing", ".nothing"), ("a", "suffix"), ("no/a.png", "no folder")]:
        with pytest.raises(PylrmError, match=part):
            write_image(tmp_path / name, image(5, 4))
    assert [file.name for file in tmp_path.iterdir()] == ["näme.png"]
