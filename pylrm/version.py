"""The version of pylrm."""

VERSION = "0.1.0"
