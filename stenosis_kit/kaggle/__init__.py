"""To Kaggle and on Kaggle: what is uploaded, where inputs are mounted, and what the kernels run.

In: a model; on Kaggle, the mounts. Out: submission/build and submission/kernels; on Kaggle, submission.csv.
"""
