"""From graders' answers to a submission: priors, pools, the second stage, legal rows, check and score.

In: probabilities of views and cells. Out: a complete, legal submission.csv, and what it is worth. No network in here.
"""
