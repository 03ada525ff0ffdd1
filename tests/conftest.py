"""One thread, no windows, and the same random streams before every test."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import random

import numpy as np
import pytest
import torch
from hypothesis import settings

# A slow first call must not fail a test, and a failing example must be found again in the next run.
settings.register_profile("evoprune", deadline=None, derandomize=True)
settings.load_profile("evoprune")


def pytest_configure():
    torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Whoever asks for a place to run processes in, or for worker processes, is in their lane without a word."""
    for item in items:
        if {"place", "processes"} & set(item.fixturenames):
            item.add_marker("processes")


def seed():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - DEAP users and scipy still draw from the global stream
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def seeded():
    """For the fixtures of a test."""
    seed()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """Right before the test itself: what plugins or fixtures drew does not count."""
    seed()
