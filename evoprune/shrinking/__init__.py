"""Smaller networks: which units stand between layers, which of them are dead, and taking them out.

What belongs here: reading a network as layers and the units between them, and removing units so that what is computed
stays the same. What does not: which units deserve to go (:mod:`evoprune.operators`).
"""
