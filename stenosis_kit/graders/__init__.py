"""The networks that grade: their settings, what fits the time, training them, and a model's folder.

In: a crop store and a time. Out: a model: model.json, *.weights.h5, folds.csv, and out-of-fold answers. The `governor`
decides what is trained, `dispatch` gives each network its share of the time, `job` trains one network in whatever
process it is sent to, with the `trainer`; `ensemble` makes a model of all of them, and `model` answers with it.
"""
