"""The demonstration: drawn street scenes, two runs on them, and a page that shows both."""
