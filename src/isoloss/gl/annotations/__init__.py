"""What is written over a picture: axes, scalar bar, legend, labels, pins."""
