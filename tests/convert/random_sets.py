"""Random data sets, for tests that write one in a format and look at what is converted."""

from hypothesis import settings
from hypothesis import strategies as st

SIZE = (160, 120)
NAMES = ["wren", "blue tit", "über-Möwe"]
ROUND_TRIP = settings(max_examples=25, deadline=None)

# No two stems are the same in small letters, and none is a list's or a file's of names.
STEMS = ["a", "b c", "Ünder sköre", "x.y.z", "000001", "image.webp", "(1)"]


@st.composite
def boxes(draw):
    """(class, left, top, right, bottom) in quarters of pixels: an area beyond the first pixel."""
    kind = draw(st.integers(0, len(NAMES) - 1))
    edges = []
    for side in SIZE:
        start = draw(st.integers(0, 4 * side - 8))
        edges.append((start / 4, draw(st.integers(max(start + 4, 8), 4 * side)) / 4))
    (left, right), (top, bottom) = edges
    return kind, left, top, right, bottom


@st.composite
def sets(draw):
    """{stem: boxes} of at least two images, with at least one box of each class."""
    stems = draw(st.lists(st.sampled_from(STEMS), min_size=2, unique=True))
    found = {stem: draw(st.lists(boxes(), max_size=4, unique=True)) for stem in stems}
    first = found[stems[0]]
    for kind in range(len(NAMES)):
        if not any(box[0] == kind for box in first):
            first.append((kind, *draw(boxes())[1:]))
    return found


def by_alphabet(images):
    """The same boxes, with classes counted in the alphabet's order of their names."""
    order = [sorted(NAMES).index(name) for name in NAMES]
    return {stem: [(order[kind], *box) for kind, *box in boxes] for stem, boxes in images.items()}
