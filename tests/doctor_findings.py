"""What the doctor finds in the tables of `cohort.Tables` as they are."""

T1, T2, AXIAL = "Sagittal T1", "Sagittal T2/STIR", "Axial T2"
NONE = {T1: 0, T2: 0, AXIAL: 0}
HEALTHY = {
    "studies": 4,
    "cells": 100,
    "broken_rows": {},
    "labels_missing": 0,
    "studies_with_missing_labels": 0,
    "points": 100,
    "labels_without_point": 0,
    "points_without_label": 0,
    "points_on_unexpected_series": 0,
    "points_on_unknown_series": 0,
    "duplicate_points": 0,
    "duplicate_studies": 0,
    "duplicate_series": 0,
    "points_of_unknown_studies": 0,
    "studies_without_points": 0,
    "max_instance_number": 5,
    "studies_without_series": NONE,
    "studies_with_several_series": NONE,
    "series_of_unknown_kind": 0,
}
