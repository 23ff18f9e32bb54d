"""The paper's own recipe, run faithfully: Garcia de Celis & Bukaita (2025), doi 10.18103/mra.v13i7.6660.

It stands to the side: nothing that trains or predicts for a submission imports it.
"""
