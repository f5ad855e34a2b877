"""What plots in panels are drawn with, and the plots that several panels, or large ones, need."""
