"""Drawing: boxes on images, pages of images, and figures."""
