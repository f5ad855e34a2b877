"""Figures in the plane, for papers: matplotlib in the colours of our other pictures."""
