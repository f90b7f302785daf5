"""Data sets: Darknet's files, images, augmentation, the loader of batches; frames of videos."""
