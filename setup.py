"""Packaging: one import package, `evoprune`, whose sub-packages live in folders at the root."""

import sys
from pathlib import Path
from runpy import run_path

from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).resolve().parent
FOLDERS = ("algorithms", "benchmarks", "operators")

# evoprune/<folder> is a link to ../<folder>, which find_packages would follow and so find each module twice.
linked = [pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")]
packages = ["evoprune", *(f"evoprune.{name}" for name in find_packages(str(ROOT / "evoprune"), exclude=linked))]
for folder in FOLDERS:
    packages += [f"evoprune.{folder}", *(f"evoprune.{folder}.{name}" for name in find_packages(str(ROOT / folder)))]

# The compiled kernel: without a compiler evoprune is installed all the same, and torch trains.
C = "evoprune/training/c"
sources = run_path(str(ROOT / "evoprune" / "training" / "sources.py"))
kernel = Extension(
    "evoprune.training._kernel",
    sources=[f"{C}/{name}.c" for name in ("module", "avx512", "avx2", "portable")],
    depends=[f"{C}/{name}" for name in sources["names"]()],
    define_macros=[("SOURCE_HASH", sources["digest"]())],
    # Products and sums are rounded together only where the code says so: all variants give the same bits.
    extra_compile_args=[] if sys.platform == "win32" else ["-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno"],
    py_limited_api=True,
    optional=True,
)

export = ["onnx>=1.16,<2", "onnxruntime>=1.18,<2", "onnxscript>=0.5,<1"]  # the model.onnx of `evoprune shrink`
structured = ["torch-pruning>=1.5,<2"]  # networks that are no plain stacks, without their dead units
extras = {
    "test": [
        "build>=1.2,<2",
        "hypothesis>=6.100,<7",
        "mypy>=1.11,<3",
        "packaging>=24",
        "pandas-stubs>=2.1,<4",
        "pytest>=8.2,<10",
        "ruff>=0.9,<1",
        "setuptools>=77.0.3",
        *export,
        *structured,
    ],
    "docs": ["furo>=2024.8.6", "myst-parser>=4,<6", "sphinx>=8,<10"],
    "dev": ["pre-commit>=3.7,<5"],
    "export": export,
    "peers": ["jax>=0.4.30,<1"],  # what `evoprune bench --peers` compares with
    "structured": structured,
}

setup(
    name="evoprune",
    version=run_path(str(ROOT / "evoprune" / "_version.py"))["__version__"],
    description="Neural-network pruning operators, schedules and spatial coevolution for DEAP",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="evoprune contributors",
    license="MIT",
    license_files=["LICENSE"],
    keywords="pruning evolutionary-computation coevolution autoencoder deap pytorch scoop",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=packages,
    ext_modules=[kernel],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    package_dir={"evoprune": "evoprune", **{f"evoprune.{folder}": folder for folder in FOLDERS}},
    package_data={
        "": ["*.pyi"],
        "evoprune.training": ["c/*.c", "c/*.h"],
        "evoprune": ["py.typed", "*.pyi"],
        "evoprune.benchmarks.report": ["page.html"],
    },
    zip_safe=False,
    install_requires=[
        "cloudpickle>=2.2,<4",
        "deap>=1.4,<2",
        "jinja2>=3.1,<4",
        "joblib>=1.3,<2",
        "lazy-loader>=0.4,<1",
        "matplotlib>=3.8,<4",
        "numpy>=1.26,<3",
        "pandas>=2.2,<4",
        "pillow>=10.1,<14",
        "psutil>=5.9,<8",
        "safetensors>=0.4.3,<1",
        "scikit-learn>=1.6,<2",
        "scipy>=1.12,<2",
        "scoop>=0.7.2,<0.8",
        "torch>=2.4,<3",
        "tqdm>=4.66,<5",
    ],
    extras_require=extras,
    entry_points={"console_scripts": ["evoprune = evoprune.__main__:main"]},
)
