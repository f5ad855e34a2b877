"""Training a network and keeping its trajectory; the trained network read back.

Read `training_run` (any task), `classifier` (one), `batches`, `replicas` (several processes), then
`imported` (a run made of checkpoints from elsewhere, with the `notes` they hold) and `network`
(what a run left, with its data). Imports `networks`, `data` and `machine`.
"""
