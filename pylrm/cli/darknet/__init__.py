"""The command `darknet`: Darknet's command lines, done by pylrm. A module for each kind of work."""
