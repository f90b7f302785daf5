"""Studies: whether mining hard examples helps a detector, asked with many runs."""
