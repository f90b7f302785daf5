"""What becomes of detections: files, a window, text and data."""
