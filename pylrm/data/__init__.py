"""Data sets: Darknet's files, images, augmentation, and the loader of batches."""
