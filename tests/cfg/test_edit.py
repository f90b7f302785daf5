"""Changing a cfg: what is asked for changes, and not a byte more."""

from __future__ import annotations

from pylrm.cfg.edit import add_section, set_keys, with_value, without_section
from pylrm.cfg.file import Cfg

TEXT = "# mine\n[net]\nwidth = 32 # pixels\r\n\n[region]\nnum=2\n; odd\nclasses=2\n\n[lrm]\nk=3\n"


def test_a_value_changes_and_its_comment_stays() -> None:
    cfg = Cfg.read(TEXT)
    changed = set_keys(cfg, cfg.sections[0], {"width": "64", "height": "48"})
    assert changed.text.decode() == TEXT.replace("width = 32", "width = 64").replace(
        "[net]\n", "[net]\nheight=48\n"
    )
    assert set_keys(cfg, cfg.sections[1], {"num": "2"}).text == cfg.text


def test_values_keep_their_lines_form() -> None:
    assert with_value(b"k=1", "2") == b"k=2"
    assert with_value(b"k =  1\t; why\r", "20") == b"k =  20\t; why\r"
    assert with_value(b"k=", "2") == b"k=2"


def test_a_section_is_added_and_taken_away() -> None:
    cfg = Cfg.read(TEXT)
    added = add_section(cfg, cfg.sections[1], "lrm", {"k": "9"})
    assert added.text.decode() == TEXT.replace("classes=2\n", "classes=2\n\n[lrm]\nk=9\n")
    assert without_section(cfg, cfg.sections[2]).text.decode() == TEXT.replace("[lrm]\nk=3\n", "")
    names = [section.name for section in without_section(cfg, cfg.sections[1]).sections]
    assert names == ["net", "lrm"]
