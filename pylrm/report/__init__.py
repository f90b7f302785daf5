"""A report of training runs: one page of HTML with everything in it, to keep or to send."""
