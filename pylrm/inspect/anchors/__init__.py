"""Anchors for a data set's boxes, by k-means."""
