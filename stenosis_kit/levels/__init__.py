"""Where each level is, in a study that has no labels.

In: a study's series. Out: `canal.LocatedStudy`, the canal at the five levels in patient mm, and the way from there to
foramina and recesses. A localiser (a network on sagittal overviews) answers; where it does not, `fallback` does. Then
foramina are looked for about their expected places by a second network, on patches of sagittal T1.
"""
