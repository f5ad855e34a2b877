"""`isoloss bench`: the speed of probing, attacking and viewing, beside peers on the same work.

Each measurement has a file, and its peers one beside it.
"""
