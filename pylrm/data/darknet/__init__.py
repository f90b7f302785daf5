"""Darknet's files of a data set: .data, names, lists of images, labels."""

from pylrm.data.darknet.classes import read_classes
from pylrm.data.darknet.files import (
    DataFile,
    DataLike,
    read_data,
    read_images,
    read_list,
    read_names,
    where_instead,
)
from pylrm.data.darknet.labels import (
    LEAST,
    SLACK,
    LabelSummary,
    Rows,
    Truth,
    UnknownClassError,
    check_labels,
    find_label,
    inspect_ignore,
    inspect_labels,
    inspect_truth,
    read_ignore,
    read_labels,
    read_truth,
    summarise,
)
from pylrm.data.metric_names import METRICS, Metric

__all__ = [
    "LEAST",
    "METRICS",
    "SLACK",
    "DataFile",
    "DataLike",
    "LabelSummary",
    "Metric",
    "Rows",
    "Truth",
    "UnknownClassError",
    "check_labels",
    "find_label",
    "inspect_ignore",
    "inspect_labels",
    "inspect_truth",
    "read_classes",
    "read_data",
    "read_ignore",
    "read_images",
    "read_labels",
    "read_list",
    "read_names",
    "read_truth",
    "summarise",
    "where_instead",
]
