"""`python -m pylrm` is the command pylrm."""

from pylrm.cli.main import main

main()
