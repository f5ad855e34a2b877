"""What is done to a view: steering and flying, pinning, slicing, playing."""
