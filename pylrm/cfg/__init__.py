"""Cfg files: their text and sections, and the reference of all keys."""
