"""`isoloss bench`: the speed of probing, attacking and viewing, beside peers on the same work.

Each measurement has a file, `probe`, `attack` and `view`, and its peers one beside it. Imports
`compute`, `robustness` and `gl`.
"""
