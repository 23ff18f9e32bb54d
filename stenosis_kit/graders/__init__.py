"""The networks that grade: their settings, what fits the time, training them, and a model's folder.

In: a crop store and a time. Out: a model: model.json, *.weights.h5, folds.csv, and its answers out of fold. `plan`
decides what is trained, `dispatch` shares out the time, `job` trains one network, `assembly` makes a model of them.
"""
