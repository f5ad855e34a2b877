"""What `mutate_files.py` damages, how, and by which doors it is opened."""
