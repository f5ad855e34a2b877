"""Networks, data, training, planes and probing: all that computes a landscape, with torch.

Read `probe/in_memory.py` first, then `planes/plane.py` and `engine/evaluator.py`. Each room imports
only those named after it: `probe`, `diagnostics`, `engine`, `training` and `planes`, `networks`,
`data`, `machine`; all may import `geometry`, `settings`, `run`, `events` and `files`.
"""
