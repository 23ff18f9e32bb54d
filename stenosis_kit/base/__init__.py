"""Tools that know nothing of spines: errors, atomic files, locks, time, the console, processes, clusters, TensorFlow.

In: nothing of the other rooms. Out: what all of them use. `budget` is the only module that reads a clock.
"""
