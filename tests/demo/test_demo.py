"""The demonstration in miniature: from drawing to the figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.data.darknet import read_data, read_list
from pylrm.data.images import read_image
from pylrm.demo.demo import HARD_EXAMPLES, UPDATES, Demo, choose_images, demo, network
from pylrm.demo.scenes import CLASSES, draw
from pylrm.engine import Network
from pylrm.errors import PylrmError


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "out"
    return demo(folder, images=(5, 4), updates=2, seed=2, threads=2, quiet=True)


def test_the_demo_leaves_scenes_two_runs_and_a_figure(done: Demo) -> None:
    for name in ("plain", "lrm"):
        assert (done.folder / f"{name}.cfg").is_file()
        run = done.outcomes[name].run
        assert run.folder == done.folder / name
        assert run.last.is_file()
        assert len((run.folder / "log.csv").read_text().splitlines()) == 3
    assert len(read_list(done.folder / "scenes" / "train.txt")) == 5
    figure = read_image(done.figure)
    assert figure.shape[0] > 800 and figure.shape[1] > 1000
    assert figure.std() > 20


def test_both_runs_are_measured(done: Demo) -> None:
    for outcome in done.outcomes.values():
        assert list(outcome.ap) == CLASSES
        assert 0 <= outcome.map <= 1 and outcome.minutes > 0


def test_the_table_names_all_that_was_measured(done: Demo) -> None:
    lines = done.table().splitlines()
    assert lines[0].split() == ["without", "lrm", "with", "lrm"]
    assert [line.split()[0] for line in lines[1:]] == ["AP"] * 6 + ["mAP@.5", "minutes"]
    assert f"{done.outcomes['lrm'].map:.3f}" in lines[-2]


def test_only_lrm_tells_the_runs_apart(done: Demo) -> None:
    plain, lrm = (done.outcomes[name].run.cfg for name in ("plain", "lrm"))
    with Network(plain) as without, Network(lrm) as mined:
        assert [layer.type for layer in mined] == [*(layer.type for layer in without), "lrm"]
        for key in ("batch", "learning_rate", "max_batches"):
            assert without.option(key) == mined.option(key)


def test_a_finished_demo_is_not_overwritten(done: Demo) -> None:
    before = done.figure.stat().st_mtime_ns
    with pytest.raises(PylrmError, match="holds files already"):
        demo(done.folder, images=(5, 4), updates=2, quiet=True)
    assert done.figure.stat().st_mtime_ns == before


def test_the_shipped_settings_mine_like_the_paper() -> None:
    with Network(network(mining=True, updates=UPDATES)) as net:
        assert net.warnings == []
        region = net.find("region")[0]
        channels, height, width = region.shape
        assert channels == 5 * (5 + len(CLASSES))
        assert 0.08 <= HARD_EXAMPLES / (5 * height * width) <= 0.3
        assert net.rate_at(1) < net.rate_at(UPDATES // 2) > net.rate_at(UPDATES)


def test_images_are_chosen_by_what_is_on_them(tmp_path: Path) -> None:
    data = read_data(draw(tmp_path / "scenes", images=(1, 8), seed=5))
    assert data.valid is not None
    paths = read_list(data.valid)
    chosen = choose_images(paths, data.classes)
    assert len(set(chosen)) == 4 and set(chosen) <= set(paths)
