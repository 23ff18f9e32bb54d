"""A run's folder as one page: score, mistakes, training, levels, crops.

In: what `submit`, `predict` or `train` left. Out: report.html, which needs no network. What cannot be made is said on
the page.
"""
