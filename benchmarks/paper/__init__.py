"""All that knows the paper (Jorgensen et al., GECCO 2025, arXiv 2505.05138): its values, its claims, its comparison.

What belongs here: what stands beside our results in a report, and the report that has it. What does not: settings and
presets, which are those of any run, and sections that any study has (:mod:`evoprune.benchmarks.report`).
"""
