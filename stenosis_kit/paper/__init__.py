"""The paper's own recipe, run faithfully: Garcia de Celis & Bukaita (2025), doi 10.18103/mra.v13i7.6660.

In: a competition root's train split. Out: the paper's tables and figures, and a page that sets them beside the paper's.
It stands to the side: nothing that trains or predicts for a submission imports it.
"""
