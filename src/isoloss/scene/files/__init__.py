"""A document from files, and into them.

Read `session` (a document on disk; `session_content`: what is in the file, `plain`: its values),
then `given` (what is meant by paths) and `staging` (from these and options to a document);
`snapshot` writes a document with its surfaces, `painted` a surface with its colours. Imports the
rest of `scene`.
"""
