"""What lies in a folder, and what can be done next with it: `pylrm` without a command."""
