"""To the side: any folder of DICOM files, as a scanner, PACS or viewer wrote them, becomes a competition root.

In: a tree of files and archives, and perhaps a table of grades. Out: images under integer ids, a series table,
adopted.csv (what each series is, why, and how sure). Nothing of a patient's identity is written.
"""
