"""The C library as Python sees it: functions, errors, arrays and tables."""
