"""One life for every kind of run: settings, start, checkpoints, resume, finish.

What belongs here: what all experiments share. What does not: what one of them does in a generation.
"""
