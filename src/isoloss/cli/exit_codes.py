"""How a command ends, for whoever started it: 0 is done."""

FAILED = 1  # while running
WRONG_REQUEST = 2
INTERRUPTED = 130  # a run can be resumed
