"""The folder of a training run: its paths, its log, and what its cfg is used with."""
