"""Reading and writing files, and the files that come with pylrm."""
