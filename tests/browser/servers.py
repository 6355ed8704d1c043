"""Notebooks with a dashboard, served by Voila with the settings of the labs and by JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
import psutil

from mlsysim.cli.labs import free_port, start_voila, wait_until_ready

TESTS = Path(__file__).resolve().parents[1]
LABS = TESTS.parent / "labs"
# What a cell shows, by the name of its notebook.
CELLS = {
    "waiting": "Dashboard(Waiting)",
    "hostile": "Dashboard(Hostile)",
    "resources": "Dashboard(ResourceSimulation, region='Quebec')",
    # The least that a change can cost: a selector whose choice comes back as a label.
    "echo": """\
from ipywidgets import Dropdown, Label, VBox
from mlsysim import Regions
selector, label = Dropdown(options=list(Regions)), Label()
selector.observe(lambda change: setattr(label, "value", f"chosen {change['new']}"), "value")
VBox([selector, label])""",
    "plain": "from ipywidgets import Button\nButton(description='Plain')",
}
DASHBOARDS = f"""\
import sys
sys.path.insert(0, {str(TESTS)!r})
from mlsysim import ResourceSimulation
from mlsysim_widgets import Dashboard
from user_simulations import Hostile, Waiting
"""


# JupyterLab would ask whether to fetch news from another host.
QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}


def write_notebooks(folder: Path, warm: Sequence[str] = ()) -> None:
    """Write a notebook for each of `CELLS`, and the settings of the labs beside them.

    Of those that are warm, a kernel always waits with the page drawn.
    """
    for name, cell in CELLS.items():
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            cells=[
                nbformat.v4.new_markdown_cell(f"# {name.capitalize()}\n## Dashboard"),
                nbformat.v4.new_code_cell((DASHBOARDS if "Dashboard" in cell else "") + cell),
            ],
        )
        nbformat.write(notebook, folder / f"{name}.ipynb")
    settings = json.loads(LABS.joinpath("voila.json").read_text("utf-8"))
    pools = {"default": {"pool_size": 0}, **{f"{name}.ipynb": {"pool_size": 1} for name in warm}}
    settings["VoilaKernelManager"] = {"kernel_pools_config": pools}
    folder.joinpath("voila.json").write_text(json.dumps(settings), "utf-8")


@contextlib.contextmanager
def stopped_at_the_end(server: subprocess.Popen[bytes], port: int) -> Iterator[int]:
    """Wait until a server answers, and stop it and its kernels in the end."""
    with server:
        try:
            wait_until_ready(port, server)
            yield server.pid
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextlib.contextmanager
def running_voila(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a folder by Voila; give the address below which its pages are, and the process."""
    port = free_port(0)
    with stopped_at_the_end(start_voila(folder, port), port) as process:
        yield f"http://localhost:{port}/voila/render/", process


@contextlib.contextmanager
def running_jupyterlab(folder: Path, settings: Path) -> Iterator[tuple[str, int]]:
    """Serve a folder by JupyterLab, with settings of its own; give address and process."""
    port = free_port(0)
    command = [
        sys.executable, "-P", "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.log_level=ERROR",
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    overrides = settings / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(QUIET), "utf-8")
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = {name: str(settings / folder) for name, folder in own.items()}
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment})
    with stopped_at_the_end(server, port) as process:
        yield f"http://localhost:{port}/", process


def kernels_of(process: int) -> set[psutil.Process]:
    """Return the kernels that a server runs."""
    below = psutil.Process(process).children(recursive=True)
    return {each for each in below if "ipykernel_launcher" in each.cmdline()}


def cpu_s(process: int) -> float:
    """Return the processor time of a server and all that it runs, in seconds."""
    server = psutil.Process(process)
    times = [each.cpu_times() for each in (server, *server.children(recursive=True))]
    return sum(each.user + each.system for each in times)
