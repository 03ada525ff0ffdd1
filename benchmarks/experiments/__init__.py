"""The experiments by name, and what works on any of them.

What belongs here: their registry, and reading what they left. What does not: an experiment itself, which has a room of
its own.
"""
