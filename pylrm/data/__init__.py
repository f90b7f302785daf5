"""Data sets: Darknet's files, the loader, image operations, converters."""
