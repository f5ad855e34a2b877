"""What the operating system gives: processors, whose turn it is on them, folders, a display.

Each file stands alone. Imports `paths`, and no torch: `processors` settles what torch does at its
first import.
"""
