"""docs/cfg.md is what the engine's tables say."""

from pathlib import Path

from pylrm.inspect.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cfg.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_kind_of_key_is_shown_with_its_default():
    page = reference()
    assert "| policy | choice | constant | constant, step, steps, exp, poly, " in page
    assert "| nms | float | 0.7 | 0 to 1 |" in page
    assert "| momentum | float | 0.9 | 0 to 1 |" in page
    assert "| activation | choice | logistic | logistic, " in page


def test_every_row_of_a_table_is_told_with_what_it_is():
    page = reference()
    for row in (
        "| steps | times scales= at the updates of steps= |",
        "| leaky | x, .1x below 0 |",
        "| sse | the square of d |",
        "| min_crop, max_crop, aspect | the shorter side",
    ):
        assert page.count(row) == 1
    assert page.count("| hue, saturation, exposure | the hue moves by") == 2  # for each kind
