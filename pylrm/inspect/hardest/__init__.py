"""The images and boxes that a network finds hardest."""
