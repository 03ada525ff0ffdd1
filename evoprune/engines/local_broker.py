"""SCOOP's launcher, told the name under which the other hosts reach this machine.

SCOOP starts its broker by ssh where it does not know that name for its own.

python local_broker.py NAME, and what python -m scoop takes
"""

import sys

from scoop import utils

if __name__ == "__main__":
    utils.localHostnames.append(sys.argv.pop(1))
    from scoop.launcher import main

    main()
