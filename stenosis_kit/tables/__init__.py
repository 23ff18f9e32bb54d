"""The competition's CSVs, read once and handed on.

In: a competition root. Out: `root.Root`, its tables as frames (series, grid, cells, points), what is wrong with them,
and the studies to read. What is fatal, each command decides.
"""
