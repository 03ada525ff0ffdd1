"""The commands of ``evoprune``: from arguments to an exit code.

What belongs here: options, what is printed, and how a run ends for the one who typed it. What does not: the work.
"""
