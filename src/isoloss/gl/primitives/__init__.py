"""What pictures are put together from: lines, markers, flat shapes, text.

Imports `device`.
"""
