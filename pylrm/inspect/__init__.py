"""Tools that look at data sets, networks and runs."""
