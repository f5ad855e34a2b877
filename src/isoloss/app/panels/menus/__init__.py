"""What can be done with a run or a layer, wherever it is listed or seen."""
