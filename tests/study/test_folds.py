"""Cross-validation's folds: each image is held out once, and the truths stay right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pylrm.data.darknet import find_label, read_data, read_images
from pylrm.errors import DataError
from pylrm.study.folds import cut, write_folds


def test_each_image_is_held_out_once(tiny_data: Path, tmp_path: Path) -> None:
    data = read_data(tiny_data)
    files = write_folds(data, 5, 0, tmp_path / "folds")
    everything = {path.resolve() for kind in ("train", "valid") for path in read_images(data, kind)}
    seen: list[Path] = []
    for file in files:
        fold = read_data(file)
        train, valid = (read_images(fold, kind) for kind in ("train", "valid"))
        assert set(train) | set(valid) == everything and not set(train) & set(valid)
        assert len(valid) in (4, 5) and all(find_label(image) for image in train)
        assert (fold.names, fold.metric, fold.truth) == (data.names, data.metric, None)
        seen += valid
    assert sorted(seen) == sorted(everything)


def test_the_cut_is_of_names_and_seed(tmp_path: Path) -> None:
    one = [tmp_path / "a" / f"{number}.png" for number in range(20)]
    other = [tmp_path / "b" / image.name for image in reversed(one)]
    names = [[image.name for image in part] for part in cut(one, 4, 7)]
    assert names == [[image.name for image in part] for part in cut(other, 4, 7)]
    assert names != [[image.name for image in part] for part in cut(one, 4, 8)]
    with pytest.raises(DataError, match="too few for 21 folds"):
        cut(one, 21, 0)


@pytest.mark.parametrize("complete", [True, False])
def test_truth_stays_where_it_is_of_all_images(
    tiny_data: Path, tmp_path: Path, complete: bool
) -> None:
    data = read_data(tiny_data)
    images = [f"images/{number}.png" for number in range(0 if complete else 16, 24)]
    document = {
        "images": [{"id": index, "file_name": name} for index, name in enumerate(images, 1)],
        "annotations": [],
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}],
    }
    (tiny_data.parent / "truth.json").write_text(json.dumps(document))
    tiny_data.write_text(tiny_data.read_text() + "truth=truth.json\nmetric=coco\n")
    data = read_data(tiny_data)
    fold = read_data(write_folds(data, 3, 0, tmp_path / "folds")[0])
    assert fold.metric == "coco"
    assert fold.truth == ((tiny_data.parent / "truth.json").resolve() if complete else None)
