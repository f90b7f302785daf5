"""The formats that can be converted: a row each.

To add one: a file with its reader, which returns what it finds (`pylrm.convert.reading.Found`), and
a row here. The command `pylrm convert FORMAT` follows from the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pylrm.convert import coco, csvboxes, cvat, kitti, labelme, voc, yolo
from pylrm.convert.reading import Found
from pylrm.data.darknet import Metric


@dataclass(frozen=True)
class Option:
    """An option that a format has of its own.

    Attributes
    ----------
    name
        The reader's keyword.
    help
        What it is, for the command's help.
    metavar
        What its value is called there.
    choices
        What it can be; the first is what it is where it isn't given.
    path
        It names a file or a folder.
    several
        It names several, with commas between or by being given several times; the reader gets them
        as a list.
    """

    name: str
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    path: bool = False
    several: bool = False

    @property
    def flag(self) -> str:
        """The option as it is written in a command."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Format:
    """A format of data sets.

    Attributes
    ----------
    name
        What it is called in a command.
    source
        What is converted, as the command's help calls it.
    read
        Its reader: takes the source and the options.
    metric
        metric= that usually goes with it.
    help
        The command's.
    options
        Its own.
    """

    name: str
    source: str
    read: Callable[..., Found]
    metric: Metric
    help: str
    options: tuple[Option, ...]


_SIZE_MISMATCH = Option(
    "size_mismatch",
    "What to do where an image's size is not the annotated one: convert nothing, scale the boxes "
    "to the image, or keep them as its pixels.",
    choices=("refuse", "scale", "keep"),
)

_NAMES = Option(
    "names",
    "File of class names, one a line.  [default: those found, by the alphabet]",
    path=True,
)
_VALID = Option("valid", "Annotations to validate on.  [default: a random split]", path=True)
_IMAGES = Option("images", "The images' folder.  [default: found near the file]", path=True)

_ROWS = (
    Format(
        "voc",
        "TREE",
        voc.read,
        "area",
        """Convert a PASCAL VOC tree, or another with annotations in VOC's XML.

        VOCdevkit is one data set, and so is a folder of train/, valid/ and test/. Images are looked
        for in JPEGImages or images, then in the other folders beside the annotations. Difficult
        objects become regions that training ignores, and are marked so for evaluation.

        \b
        Example:
          pylrm convert voc VOCdevkit --out data/voc --metric 11point
          pylrm convert voc VOCdevkit --out voc07 --train 2007:trainval --valid 2007:test
        """,
        (
            Option(
                "names",
                "File of class names, one a line.  [default: those found, by the alphabet, which "
                "is VOC's own order; data/voc.names has VOC's twenty]",
                path=True,
            ),
            Option(
                "train",
                "Lists in ImageSets/Main: of all trees, or of one (2007:trainval).  [default: "
                "trainval]",
                metavar="[TREE:]LIST,…",
                several=True,
            ),
            Option(
                "valid",
                "The same, to validate on.  [default: test, else val, else a random split]",
                metavar="[TREE:]LIST,…",
                several=True,
            ),
            Option(
                "difficult",
                "What difficult objects are in training: regions to ignore, objects, or nothing.",
                choices=("ignore", "train", "drop"),
            ),
            _SIZE_MISMATCH,
        ),
    ),
    Format(
        "kitti",
        "TREE",
        kitti.read,
        "area",
        """Convert KITTI's detection benchmark: label_2 and image_2, here or in training.

        To the six classes of the paper's table II (car, truck, tram, van, pedestrian, cyclist),
        which it measures by VOC's mAP.

        \b
        Example:
          pylrm convert kitti KITTI --out data/kitti
        """,
        (
            Option(
                "train",
                "A file, or a list in ImageSets.  [default: train, where train and val are there]",
                metavar="LIST",
            ),
            Option(
                "valid",
                "The same, to validate on.  [default: val, else a random split]",
                metavar="LIST",
            ),
            Option(
                "person_sitting",
                "What Person_sitting becomes: a region to ignore of class pedestrian, a "
                "pedestrian, or nothing.",
                choices=("ignore", "pedestrian", "drop"),
            ),
            Option(
                "misc",
                "What Misc becomes: a region to ignore of any class, or nothing, as for KITTI's "
                "devkit.",
                choices=("ignore", "drop"),
            ),
            Option("dontcare", "What DontCare becomes: the same.", choices=("ignore", "drop")),
        ),
    ),
    Format(
        "coco",
        "ANNOTATIONS",
        coco.read,
        "coco",
        """Convert annotations in COCO's format (instances_train2017.json).

        Crowds become regions that training ignores. Images without objects of the classes stay.

        \b
        Example:
          pylrm convert coco coco/annotations/instances_train2017.json --out data/people
            --valid coco/annotations/instances_val2017.json --classes person,bicycle
        """,
        (
            _VALID,
            Option(
                "images",
                "The images' folder.  [default: found near the annotations, images or train2017, "
                "…]",
                path=True,
            ),
            Option(
                "classes",
                "Categories wanted, in order.  [default: the file's]",
                metavar="NAME,…",
                several=True,
            ),
            Option("names", "A file of their names, one a line.", path=True),
            Option(
                "crowd",
                "What annotations with iscrowd=1 are: regions to ignore, objects (for files that "
                "mark masks so), or nothing in training.",
                choices=("ignore", "train", "drop"),
            ),
            _SIZE_MISMATCH,
        ),
    ),
    Format(
        "yolo",
        "DATA",
        yolo.read,
        "area",
        """Convert a data set of YOLO tools: DATA.yaml, DATA.data, or a folder.

        Labels may be boxes, polygons, oriented boxes or poses, with or without a confidence; all
        become boxes. Images are below the folders that the file names, or in its lists; labels
        are in a folder labels beside, or beside the images. A folder holds data.yaml, or
        classes.txt or obj.names; train, val and test in it are the lists. A YAML file needs
        `pip install 'pylrm[yaml]'`.

        \b
        Example:
          pylrm convert yolo birds/data.yaml --out data/birds
          pylrm convert yolo labelled --names birds.names --out data/birds
        """,
        (
            Option(
                "names",
                "File of class names, one a line.  [default: the data set's own]",
                path=True,
            ),
        ),
    ),
    Format(
        "labelme",
        "FOLDER",
        labelme.read,
        "area",
        """Convert labelme's JSON files, one an image.

        Polygons, circles and masks become their boxes; points and lines are left out. Images are
        beside their JSON files, in another folder near, or inside them. Folders train, val and
        test are the lists.

        \b
        Example:
          pylrm convert labelme pictures --out data/pictures
        """,
        (_NAMES, _SIZE_MISMATCH),
    ),
    Format(
        "csv",
        "FILE",
        csvboxes.read,
        "area",
        """Convert a table with a row an object (CSV).

        \b
        With a header (filename,width,height,class,xmin,ymin,xmax,ymax, in any order),
        or without one:
          image,xmin,ymin,xmax,ymax,class
          image,width,height,class,xmin,ymin,xmax,ymax
          image,xmin,ymin,xmax,ymax,class,width,height
          class,x,y,width,height,image,width,height     (x, y: the box's left and top)
        A row with nothing but an image is an image without objects.

        \b
        Example:
          pylrm convert csv train.csv --valid test.csv --images images --out data/mugs
        """,
        (
            _VALID,
            _IMAGES,
            _NAMES,
            Option(
                "coordinates",
                "What boxes are given in: pixels, or shares of the image.",
                choices=("pixels", "shares"),
            ),
            _SIZE_MISMATCH,
        ),
    ),
    Format(
        "cvat",
        "FILE",
        cvat.read,
        "area",
        """Convert CVAT's own XML (annotations.xml), for images or for video.

        Polygons, ellipses, cuboids, masks and rotated boxes become the boxes around them.

        \b
        Example:
          pylrm convert cvat export/annotations.xml --out data/pictures
        """,
        (_VALID, _IMAGES, _NAMES, _SIZE_MISMATCH),
    ),
)

FORMATS = {row.name: row for row in _ROWS}
