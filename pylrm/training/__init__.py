"""Training: the loop, what is checked before it, and what goes along with it."""
