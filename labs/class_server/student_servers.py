"""The server that each student gets, whatever starts it: the labs in front, journals at home.

JupyterHub reads this through `jupyterhub_config.py`, The Littlest JupyterHub through a link in
its `jupyterhub_config.d`.
"""

from pathlib import Path

c = get_config()  # noqa: F821

# The labs are served from where they are installed. A home holds nothing but its journal.
labs = Path(__file__).resolve().parents[1]
c.Spawner.notebook_dir = str(labs)
c.Spawner.default_url = "/voila/render/index.ipynb"
c.Spawner.args = [
    f"--config={labs / 'voila.json'}",
    # A server that nobody uses ends by itself after an hour, its kernels after 15 minutes.
    "--ServerApp.shutdown_no_activity_timeout=3600",
]

# When a whole class logs in at once, each server waits its turn at the processor.
c.Spawner.start_timeout = c.Spawner.http_timeout = 300

c.Spawner.environment = {
    # Five labs open at once are enough for one student; the sixth says so on its page.
    "MLSYSIM_KERNEL_LIMIT": "5",
    # Whose journal it is, even on a machine whose browser somebody else used before.
    "MLSYSIM_STUDENT": lambda spawner: spawner.user.name,
}
