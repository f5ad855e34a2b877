"""What is read off surfaces: curves, slices, minima, differences, means over several."""
