"""What all converters share: the split, names that files can hold, all or nothing."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.convert.annotations import AnnotatedImage, Annotation
from pylrm.convert.split import split
from pylrm.convert.summary import summarise
from pylrm.convert.writing import check_target, write
from pylrm.errors import DataError
from tests.convert.trees import png, snapshot

HERE = Path("here")
NAMES = st.lists(st.text(max_size=6), min_size=2, max_size=30, unique=True)


@settings(max_examples=100, deadline=None)
@given(NAMES, st.floats(0.001, 0.999), st.integers(0, 2**70), st.randoms(use_true_random=False))
def test_a_split_depends_on_names_and_seed_only(names, share, seed, random):
    train, valid = split(names, share, seed, HERE)
    assert sorted(train + valid) == sorted(names) and train and valid
    assert (train, valid) == (sorted(train), sorted(valid))
    assert abs(len(train) - share * len(names)) <= 1

    def digest(name):
        return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()

    assert max(map(digest, train)) < min(map(digest, valid))
    random.shuffle(names)
    assert split(names * 2, share, seed, HERE) == (train, valid)


def test_a_split_is_rounded():
    assert [len(half) for half in split("abcdefghij", 0.86, 0, HERE)] == [9, 1]


def test_a_split_that_cannot_be():
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(DataError, match="expected a share between 0 and 1"):
            split("ab", share, 0, HERE)
    with pytest.raises(DataError, match="here: 1 annotated image; a split needs two"):
        split(["a", "a"], 0.5, 0, HERE)


def test_a_region_of_every_class_is_a_region():
    with pytest.raises(ValueError, match="region"):
        Annotation(None, (0, 0, 1, 1))


@pytest.fixture
def pictures(tmp_path):
    """Makes pictures of 40x30 with a box."""

    def make(*names, suffix=".png", folder="images"):
        found = []
        for name in names:
            image = tmp_path / folder / (name + suffix)
            png(image)
            found.append(
                AnnotatedImage(name, image, tmp_path / "x", 40, 30, [Annotation("a", (1, 1, 9, 9))])
            )
        return found

    return make


def convert(out, train, valid, name="set", copy=False):
    return write(out, name, {"train": train, "valid": valid}, ["a"], metric="area", copy=copy)


@pytest.mark.parametrize(
    "first, second, message",
    [
        (("a", ".png"), ("a", ".jpg"), r"a\.jpg: its label file would be that of .*a\.png"),
        (("a", ".png"), ("a.ignore", ".png"), r"a\.ignore\.png: .* a\.png's regions to ignore"),
        (("a", ".png"), ("b\nc", ".png"), r"a list can't hold .*b\\nc\.png'"),
        (("a", ".png"), ("b\u2028c", ".png"), r"a list can't hold .*b\\u2028c\.png'"),
        (("a", ".png"), ("b\udcff", ".png"), r"a list can't hold .*b\\udcff\.png'"),
    ],
)
def test_images_that_cannot_be_listed(pictures, tmp_path, first, second, message):
    lists = [pictures(name, suffix=suffix) for name, suffix in (first, second)]
    with pytest.raises(DataError, match=message) as caught:
        convert(tmp_path / "out", *lists)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\nb", "~a", "a#b", "a=b", "a\0", "\udcff"])
def test_names_that_a_data_file_cannot_have(tmp_path, name):
    with pytest.raises(DataError, match="is no name of a data set"):
        check_target(tmp_path / "out", name, "area")


def test_a_failure_leaves_the_earlier_conversion(pictures, tmp_path, monkeypatch):
    out = tmp_path / "out"
    convert(out, pictures("a"), pictures("b"), "old")
    before = snapshot(out)
    rename = Path.rename

    def fails(place):
        def stand_in(self, target):
            if Path(target) == place or self == place:
                raise OSError(28, "No space left on device", str(self))
            return rename(self, target)

        return stand_in

    for place in (out / "labels", out / "new.data", out / "train.txt", out / "old.names"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", fails(place))
            with pytest.raises(DataError, match="No space left on device"):
                convert(out, pictures("c"), pictures("d"), "new")
        assert snapshot(out) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "out"]
    lost = pictures("e")
    lost[0].image.unlink()
    with pytest.raises(DataError, match=r"e\.png: No such file"):
        convert(out, lost, pictures("d"), copy=True)
    assert snapshot(out) == before


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("through", ["out", "link"])
def test_images_that_the_earlier_conversion_holds_are_not_lost(pictures, tmp_path, copy, through):
    out, place = tmp_path / "out", tmp_path / through
    convert(out, pictures("a"), pictures("b"), copy=copy)
    before = snapshot(out)
    if place != out:
        place.symlink_to(out)
    own = [
        AnnotatedImage(name, place / "JPEGImages" / f"{name}.png", tmp_path / "x", 40, 30, [])
        for name in "ab"
    ]
    with pytest.raises(DataError, match=r"a\.png: the conversion would replace it"):
        convert(out, own[:1], own[1:])
    assert snapshot(out) == before


def test_the_table(tmp_path):
    def picture(name, *things):
        return AnnotatedImage(name, tmp_path / name, tmp_path / "x", 40, 30, things)

    lists = {
        "train": [
            picture("a", Annotation("cat", (1, 1, 9, 11)), Annotation("cat", (0, 0, 50, 30))),
            picture(
                "b", Annotation("cat", (2, 2, 6, 22)), Annotation(None, (2, 2, 6, 22), ignore=True)
            ),
        ],
        "valid": [
            picture(
                "b", Annotation("dog", (5, 5, 5, 9)), Annotation("dog", (1, 1, 9, 9), crowd=True)
            )
        ],
    }
    summary = summarise(tmp_path / "s.data", lists, ["cat", "dog"])
    assert summary.table().splitlines() == [
        "              train           valid           median",
        "class         boxes  ignored  boxes  ignored  pixels",
        "cat               3        0      0        0    8x20",
        "dog               0        0      0        1       -",
        "of any class               1               0",
        "all               3        1      0        1    8x20",
        "images            2               1",
        f"boxes without area, left out: 1, first in {tmp_path / 'x'}",
        "images that stand in both lists: 1",
    ]
    record = summary.record()
    assert record["classes"][0] == {
        "name": "cat",
        "boxes": {"train": 3, "valid": 0},
        "ignored": {"train": 0, "valid": 0},
        "median_size": (8.0, 20.0),
    }
    assert record["regions_of_any_class"] == {"train": 1, "valid": 0}
