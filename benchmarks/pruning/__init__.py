"""The main experiment: evolve and prune autoencoders.

What belongs here: its settings and presets, how its toolbox is put together, what a run records and sums up.
"""
