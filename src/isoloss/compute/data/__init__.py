"""Samples and labels.

Read `dataset` (what a data set is), `datasets` (those there are, by name), `image_folder` (with
`folder_tree`, what lies in it, `folder_layout`, what that means, `imagenet_classes` and
`image_file`), `in_words`; then `batch` (tensors in any nesting), `reading` (what a user gives, as
batches; `batch_split` where it has no classes), `shuffled_samples` (the order in which a probe
sees them) and `streaming` (what does not fit on a GPU). Imports `machine`.
"""
