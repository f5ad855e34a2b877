"""Training a classifier and keeping its trajectory; the trained network read back (`network`)."""
