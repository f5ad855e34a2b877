"""What attacks, defenses and certifications leave behind: read and written without torch.

Read `tables` first, then `certificates` and `saved_examples`; `robustness_files` reads all of them.
`charts` is what several runs have come to, on one pair of axes.
Imports `geometry`, `run`, `settings` and `files`.
"""
