"""The road from a competition root to submission.csv: one module a command, which puts the rooms above together.

In and out: folders and files, as README.md lists them.
"""
