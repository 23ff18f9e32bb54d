"""What knows nothing of spines: errors, whole files, locks, time, the console, processes and clusters, TensorFlow.

In: nothing of ours but `errors`. Out: tools that every other room uses. `budget` is the only module with a clock.
"""
