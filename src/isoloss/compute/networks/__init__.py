"""Building networks by name, their published weights, checkpoints on disk.

Read `models`, then `checkpoints`, which stands on `checkpoint_files` (what is in a file),
`state_dicts` (which network in it is meant), `matching` (which tensor is which) and `renamed`
(what transformers calls otherwise on disk); then `folding` and `acceleration` (the same results,
sooner). A built-in network has a file of its own (`cifar_resnet`, `cbam`). `copying` takes networks
of any kind in, `reals` says what of them can move. Imports `data` and `machine`.
"""
