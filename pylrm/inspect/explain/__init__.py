"""What mining keeps of the predictions of an image."""
