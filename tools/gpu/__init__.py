"""What `measure_gpu.py` measures, a file for each kind of work; `parts` is their list."""
