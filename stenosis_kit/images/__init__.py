"""DICOM files and geometry: from a path to pixels at a place in the patient.

In: a split's image folder and the series of a study. Out: `series.Series`, its slices in order, their pixels decoded on
demand; `geometry.Plane`; the slice nearest to a point; pixels resampled on a grid in mm. Files are untrusted: an
unreadable one costs its slice alone, and the reason is kept.
"""
