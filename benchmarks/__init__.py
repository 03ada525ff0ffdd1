"""Problems, and the experiments that assemble a toolbox from settings.

What belongs here: data sets as recipes, settings, presets, runs, reports and plots. What does not: operators and
algorithms that would make sense without a particular problem.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
