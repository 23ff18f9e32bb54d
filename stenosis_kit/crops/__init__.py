"""Crops: which views there are, where each is centred, cutting them, and keeping them.

In: a `levels.canal.LocatedStudy`. Out: `study_crops.StudyCrops`, uint8 pixels of every view of every cell; on disk a
`store.Store`. Training and prediction cut by the same code.
"""
