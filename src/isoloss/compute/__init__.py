"""Networks, data, training, planes and probing: all that computes a landscape, with torch.

Read `probe/probing.py` first, then `planes` and `engine`. Rooms, each above those named after it:
`probe`, `diagnostics`, `engine`, `training` and `planes`, `networks`, `data`, `machine`.
"""
