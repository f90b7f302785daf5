"""Finding the image that a VOC annotation describes, wherever people put it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pylrm.convert.reading import IMAGE_SUFFIXES, PARTS, files_by_stem, is_file, shown
from pylrm.convert.vocxml import VocFile
from pylrm.convert.writing import holds_conversion
from pylrm.errors import DataError

_SAME = {".jpeg": ".jpg", ".tiff": ".tif"}


class ImageSearch:
    """Finds images of the annotations of one folder.

    They are looked for in the usual folder, by the annotation's name and the <filename>, whatever
    the extension. Where it has none: in all folders near, then where the annotation's <path>,
    <folder> and <filename> say; there the extension has to fit too, as masks often have their
    images' names.

    Parameters
    ----------
    usual
        JPEGImages, images, or the annotations' folder.
    root, annotations
        The tree, and its folder of annotations.
    """

    def __init__(self, usual: Path, root: Path, annotations: Path) -> None:
        self._usual, self._root, self._annotations = usual, root, annotations
        self._files: dict[Path, dict[str, list[Path]]] = {}
        self._near: list[Path] | None = None

    def find(self, annotation: VocFile, source: Path) -> Path:
        """Find the image that an annotation describes; `source` is its file.

        Raises
        ------
        DataError
            There is none, or there are several.
        """
        filename = portable(annotation.filename)
        found = self._named(self._usual, source.stem, filename.name)
        if found:
            return next((file for file in found if file.name == filename.name), found[0])
        near = [
            file
            for folder in self._folders()
            for file in self._named(folder, source.stem, filename.name)
            if fits(file, filename)
        ]
        if len(near) > 1:
            named = {portable(annotation.folder).name, filename.parent.name, self._annotations.name}
            named.add(portable(annotation.path).parent.name)
            near = [file for file in near if file.parent.name in named] or near
        if len(near) > 1:
            raise DataError(
                f"{source}: several images could be its own: {near[0]} and {near[1]}; leave "
                "one, or put the right ones into JPEGImages"
            )
        elsewhere = (file for file in self._written(annotation, filename) if is_file(file))
        image = near[0] if near else next(elsewhere, None)
        if image is None:
            wanted = shown(filename.name or source.stem)
            raise DataError(f"{source}: no image {wanted} in {self._usual} or a folder near it")
        return image

    def _named(self, folder: Path, stem: str, filename: str) -> list[Path]:
        """A folder's images of the annotation's name, else of the file's that it names."""
        if folder not in self._files:
            self._files[folder] = files_by_stem(folder, *IMAGE_SUFFIXES)
        files = self._files[folder]
        return files.get(stem) or files.get(PurePosixPath(filename).stem) or files.get(filename, [])

    def _folders(self) -> list[Path]:
        """The annotations' folder, two levels from the tree down, and from what holds them down.

        Annotations in annots/train may have their images in images/train.
        """
        if self._near is None:
            near = [self._annotations]
            if self._annotations.name.lower() in PARTS:
                beside = folders_near(self._annotations.parent.parent)
                mirrored = (folder / self._annotations.name for folder in beside)
                near += [folder for folder in mirrored if folder.is_dir()]
            for top in (self._root, self._annotations.parent):
                below = folders_in(top)
                near += [top, *below, *(inner for each in below for inner in folders_in(each))]
            self._near = [folder for folder in dict.fromkeys(near) if folder != self._usual]
        return self._near

    def _written(self, annotation: VocFile, filename: PurePosixPath) -> Iterator[Path]:
        """Where the annotation says that the image is."""
        for path in (
            self._root / portable(annotation.path),
            self._annotations / filename,
            self._root / portable(annotation.folder) / filename,
        ):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                yield path


def folders_in(folder: Path) -> list[Path]:
    """A folder's folders by name, without hidden ones, macOS's leftovers and conversions."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir()
        and not path.name.startswith((".", "__MACOSX"))
        and not holds_conversion(path)
    ]


def folders_near(folder: Path) -> list[Path]:
    """Return the folders of one outside the data set, which perhaps can't be read: none then."""
    try:
        return folders_in(folder)
    except OSError:
        return []


def portable(path: str) -> PurePosixPath:
    """Return a path as any system writes it."""
    return PurePosixPath(path.replace("\\", "/"))


def fits(file: Path, filename: PurePosixPath) -> bool:
    """Tell whether an image's extension is that of the <filename>, where that has one."""
    ours, theirs = (path.suffix.lower() for path in (file, filename))
    return theirs not in IMAGE_SUFFIXES or _SAME.get(ours, ours) == _SAME.get(theirs, theirs)
