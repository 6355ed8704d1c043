"""The built package on every Python of this machine: install the wheel, run the core tests on it.

    python tests/pythons.py

Interpreters are looked for on the path and among those of pyenv. The tests are copied away from
the checkout, so that they import the wheel and nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
CORE = (
    "compression", "data_simulation", "energy", "engine", "explain", "explore", "failure_rates",
    "golden", "independent", "laws", "ledger", "metamorphic", "models", "network", "placement",
    "queueing", "registries", "serving", "simulations", "synthesis", "tiny",
    "training_simulation", "units",
)  # fmt: skip
NEEDED = (
    "hypothesis", "ipykernel", "jsonschema", "jupyter_client", "nbformat", "packaging",
    "playwright", "psutil", "pytest", "simpy",
)  # fmt: skip


def interpreters() -> dict[str, str]:
    """Return the newest interpreter of each supported version that this machine has."""
    own = sorted(Path.home().glob(".pyenv/versions/*/bin/python3"))
    found = {f"3.{path.parents[1].name.split('.')[1]}": str(path) for path in own}
    on_path = {version: shutil.which(f"python{version}") for version in VERSIONS}
    runnable = {version: path for version, path in on_path.items() if path and _runs(path)}
    return {version: path for version, path in {**found, **runnable}.items() if version in VERSIONS}


def _runs(python: str) -> bool:
    # A version manager leaves names on the path behind which there is nothing.
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def passes(python: str, wheel: Path, folder: Path) -> bool:
    """Tell whether the core tests pass on the wheel in a fresh environment of an interpreter."""
    subprocess.run([python, "-m", "venv", folder / "environment"], check=True)
    inside = folder / "environment" / "bin" / "python"
    pip = [inside, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{wheel}[explore,fit,widgets]", *NEEDED], check=True)
    keep = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(REPOSITORY / "tests", folder / "tests", ignore=keep)
    files = [folder / "tests" / f"test_{name}.py" for name in CORE]
    # Without -P the folder in which this runs would come before the environment.
    pytest = [inside, "-P", "-m", "pytest", "-q", "-c", "/dev/null", f"--rootdir={folder}"]
    tested = subprocess.run([*pytest, "--tb=short", *files], cwd=folder, check=False)
    return tested.returncode == 0


def main() -> int:
    """Build the wheel once, try it everywhere, and return how many interpreters failed."""
    outcomes = {}
    with TemporaryDirectory() as root:
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", root, REPOSITORY]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(root).glob("*.whl")
        for version, python in sorted(interpreters().items()):
            print(f"Python {version}: {python}", flush=True)  # noqa: T201
            folder = Path(root) / version
            folder.mkdir()
            outcomes[version] = passes(python, wheel, folder)
    for version in VERSIONS:
        known = {True: "passed", False: "FAILED", None: "not on this machine"}
        print(f"Python {version}: {known[outcomes.get(version)]}")  # noqa: T201
    return sum(not passed for passed in outcomes.values())


if __name__ == "__main__":
    raise SystemExit(main())
