"""JupyterHub for a class on one machine, as it is for trying, with two lines to change.

Start it in a folder of its own: `jupyterhub --config PATH/TO/jupyterhub_config.py`.
"""

from pathlib import Path

c = get_config()  # noqa: F821
load_subconfig(str(Path(__file__).with_name("student_servers.py")))  # noqa: F821

# For trying: every name may log in, with any password, and no user of the machine is needed.
# Change both lines before a class: "pam" lets in who has an account on this machine, and
# "jupyterhub.spawner.LocalProcessSpawner" runs each server as that user, in that home.
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"

c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = str(Path.cwd() / "homes" / "{username}")
