"""The class of an image: by its folder, else by what its path contains."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.data.darknet import read_classes, read_data, read_images
from pylrm.errors import DataError
from tests.data.stripes import CLASSES, write_tree


def data_file(tmp_path: Path, text: str, names: str = "cat\ncatfish\ndog\n") -> Path:
    (tmp_path / "x.names").write_text(names)
    file = tmp_path / "x.data"
    file.write_text(f"names = x.names\n{text}")
    return file


def test_a_folder_of_folders_is_a_data_set(tmp_path: Path) -> None:
    data = read_data(write_tree(tmp_path / "tree", train=2, valid=1))
    assert data.names == list(CLASSES) and data.classes == 3
    images = read_images(data, "train")
    assert [image.relative_to(tmp_path / "tree/train").as_posix() for image in images] == [
        f"{name}/{number}.png" for name in CLASSES for number in range(2)
    ]
    assert read_classes(images, data).tolist() == [0, 0, 1, 1, 2, 2]
    assert read_classes(read_images(data, "valid"), data).tolist() == [0, 1, 2]


def test_other_names_of_the_validation_folder(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", train=1, valid=1)
    for name in ("val", "test"):
        (tree / "valid").rename(tree / name)
        assert read_data(tree).valid == tree / name
        (tree / name).rename(tree / "valid")


@pytest.mark.parametrize("make", ["", "train", "valid/cat"])
def test_a_folder_that_is_none_is_told(tmp_path: Path, make: str) -> None:
    (tmp_path / "tree" / make).mkdir(parents=True)
    with pytest.raises(DataError, match=r"tree: a data set is a \.data file, or for classifiers"):
        read_data(tmp_path / "tree")


def test_the_nearest_folder_decides(tmp_path: Path) -> None:
    data = read_data(data_file(tmp_path, ""))
    paths = {"/a/cat/dog/1.png": 2, "/a/dog/cat/x/y/1.png": 0, "/dog/catfish/cat.png": 1}
    assert read_classes([Path(p) for p in paths], data).tolist() == list(paths.values())


def test_else_darknet_s_rule_holds(tmp_path: Path) -> None:
    data = read_data(data_file(tmp_path, ""))
    assert read_classes([Path("/a/7_dog.png"), Path("/a/cat3.png")], data).tolist() == [2, 0]
    with pytest.raises(DataError, match="its path contains 'cat' and 'catfish'; an image of class"):
        read_classes([Path("/a/catfish_1.png")], data)
    with pytest.raises(DataError, match=r"^/a/bird\.png: its class is not clear: .* contains none"):
        read_classes([Path("/a/bird.png")], data)


def test_labels_stand_in_paths_and_names_are_shown(tmp_path: Path) -> None:
    (tmp_path / "wn.labels").write_text("n01\nn02\nn03\n")
    data = read_data(data_file(tmp_path, "labels = wn.labels\ntop = 2\n"))
    assert data.names == ["cat", "catfish", "dog"] and data.top == 2
    assert read_classes([Path("/x/n02_7.jpg"), Path("/n03/1.jpg")], data).tolist() == [1, 2]


def test_wrong_labels_and_top(tmp_path: Path) -> None:
    (tmp_path / "wn.labels").write_text("n01\nn02\n")
    with pytest.raises(DataError, match=r"x\.data:2: .*wn\.labels has 2 labels for 3 classes"):
        read_data(data_file(tmp_path, "labels = wn.labels\n"))
    with pytest.raises(DataError, match=r"x\.data:2: top=0; expected a whole number from 1 on"):
        read_data(data_file(tmp_path, "top = 0\n"))


def test_a_detector_s_folder_of_labels_is_no_file_of_labels(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    assert not read_data(data_file(tmp_path, "labels = labels\n")).labels


def test_an_empty_folder_as_a_list(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", train=1, valid=0)
    with pytest.raises(DataError, match=r"tree/valid: no images in the folder"):
        read_images(read_data(tree), "valid")
