"""Detecting in files: which images, and results as text and data."""
