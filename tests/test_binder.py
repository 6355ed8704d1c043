"""Binder: what repo2docker would do, done here in an empty environment without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
import venv
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
BINDER = REPOSITORY / "binder"
INDEX = "voila/render/labs/index.ipynb"
READ_BY_REPO2DOCKER = {
    "apt.txt",
    "environment.yml",
    "postBuild",
    "requirements.txt",
    "runtime.txt",
    "start",
}
PIN_FILES = (BINDER / "requirements.txt", REPOSITORY / "tests" / "requirements.txt")
OLDEST_PYTHON = "3.11.2"  # Debian 12
LARGEST_ENVIRONMENT_MB = 600
LONGEST_START_S = 90
TOKEN = "binder-test"  # noqa: S105 -- of a server that lives for one test, on loopback


def pins(file: Path) -> list[str]:
    """Return the requirements of a file, without comments."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_binder_folder_holds_only_what_repo2docker_reads():
    assert {file.name for file in BINDER.iterdir()} <= READ_BY_REPO2DOCKER
    assert (BINDER / "runtime.txt").read_text(encoding="utf-8").startswith("python-3.11")
    assert os.access(BINDER / "postBuild", os.X_OK)


@pytest.mark.parametrize("file", PIN_FILES, ids=lambda file: file.parent.name)
def test_every_pin_is_exact_and_stands_once(file):
    exact = re.compile(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*")
    assert [pin for pin in pins(file) if not exact.fullmatch(pin)] == []
    names = [pin.split("==")[0].lower() for pin in pins(file)]
    assert len(names) == len(set(names))


def test_every_pin_installs_on_the_oldest_python_that_people_have():
    pinned = {canonicalize_name(pin.split("==")[0]) for file in PIN_FILES for pin in pins(file)}
    needed = {
        canonicalize_name(package.name): package.metadata.get("Requires-Python") or ""
        for package in distributions()
    }
    found = {name: need for name, need in needed.items() if name in pinned}
    too_new = {n: need for n, need in found.items() if OLDEST_PYTHON not in SpecifierSet(need)}
    assert found
    assert too_new == {}, "run `make pin` with that Python"


def test_every_direct_dependency_is_pinned():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    direct = project["dependencies"] + extras["widgets"] + extras["labs"]
    names = {re.split(r"[\[<>=]", requirement)[0].lower() for requirement in direct} - {"mlsysim"}
    assert names <= {pin.split("==")[0].lower() for pin in pins(BINDER / "requirements.txt")}


def test_the_link_of_the_readme_opens_the_index():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (opened,) = re.findall(r"mybinder\.org/v2/gh/\S+/HEAD\?urlpath=([\w/.]+)", readme)
    assert opened == INDEX
    assert (REPOSITORY / INDEX.removeprefix("voila/render/")).is_file()


@pytest.fixture(scope="module")
def image(tmp_path_factory, repository_files) -> tuple[Path, dict[str, str], float]:
    """The repository and the environment that repo2docker would build, and the time it took."""
    # Binder's folders have no spaces; those of a laptop do.
    root = tmp_path_factory.mktemp("as on a laptop")
    checkout = root / "repository"
    for file in repository_files:
        copy = checkout / file.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)

    started = time.monotonic()
    venv.create(root / "environment", with_pip=True)
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "no settings of this user"),
        "JUPYTER_TOKEN": TOKEN,
        "PATH": f"{root / 'environment' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    install = "python -m pip install -qq -r binder/requirements.txt && binder/postBuild"
    subprocess.run(["bash", "-c", install], cwd=checkout, env=environment, check=True)
    return checkout, environment, time.monotonic() - started


def fetch(address: str) -> tuple[int, str]:
    """Return the status and the text of a page; status 0 means that no server answers yet."""
    try:
        with urllib.request.urlopen(f"{address}?token={TOKEN}", timeout=60) as page:  # noqa: S310
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


@pytest.fixture(scope="module")
def server(image):
    """The address of a Jupyter server as Binder starts it, in the root of the repository."""
    checkout, environment, _ = image
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [shutil.which("jupyter", path=environment["PATH"]), "lab", "--no-browser"]
    options = [f"--port={port}", "--ip=127.0.0.1", "--ServerApp.port_retries=0", "--allow-root"]
    with subprocess.Popen([*command, *options], cwd=checkout, env=environment) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            end = time.monotonic() + LONGEST_START_S
            while fetch(f"{address}/api/status")[0] != 200:
                assert process.poll() is None, "the Jupyter server stopped by itself"
                assert time.monotonic() < end, "the Jupyter server does not answer"
                time.sleep(0.3)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@pytest.mark.slow
def test_environment_is_complete_and_small(image, measured, tmp_path):
    checkout, environment, seconds = image
    folder = checkout.parent / "environment"
    size_mb = sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
    measured(f"Binder environment: {size_mb:.0f} MB, installed in {seconds:.0f} s")
    assert size_mb < LARGEST_ENVIRONMENT_MB

    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "check"], env=environment, check=True)
    code = "import mlsysim, mlsysim_widgets; print(mlsysim.__file__)"
    result = subprocess.run(
        [python, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(result.stdout.strip()).is_relative_to(folder)


@pytest.mark.slow
def test_built_package_holds_every_file_of_both_packages(image, repository_files):
    folder = image[0].parent / "environment"
    packages = [REPOSITORY, REPOSITORY / "widgets"]
    installed = next(folder.glob("lib/python*/site-packages"))
    missing = [
        str(file.relative_to(REPOSITORY))
        for file in repository_files
        for parent in packages
        if file.is_relative_to(parent / ("mlsysim" if parent == REPOSITORY else "mlsysim_widgets"))
        and not (installed / file.relative_to(parent)).is_file()
    ]
    assert missing == []


def shown_by(browser, address: str) -> tuple[set[str], str]:
    """Open the index in a browser; return the labs that it links, and what the first one says."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(LONGEST_START_S * 1000)
        page.goto(address)
        page.locator(".mls-go").wait_for()
        links = page.locator(".mls-index li a").evaluate_all(
            "all => all.map(link => link.getAttribute('href'))"
        )
        page.locator(".mls-go").click()
        said = page.locator(".mls[data-ready=true] .mls-sentence").first.inner_text()
    return set(links), said


def listed_labs() -> set[str]:
    """Return the pages that the index lists."""
    labs = REPOSITORY / "labs"
    return {
        "accuracy.ipynb",
        *(lab.relative_to(labs).as_posix() for lab in labs.glob("vol*/*.ipynb")),
    }


@pytest.mark.slow
def test_index_opens_links_every_lab_and_leads_to_the_first(server, browser, measured):
    started = time.monotonic()
    links, said = shown_by(browser, f"{server}/{INDEX}?token={TOKEN}")
    measured(f"Binder, index and first lab: {time.monotonic() - started:.1f} s")
    assert links == listed_labs()
    assert "doorbell" in said


@pytest.mark.slow
def test_installed_labs_open_without_a_checkout_until_ctrl_c(image, browser, tmp_path, measured):
    _, environment, _ = image
    command = [shutil.which("mlsysim", path=environment["PATH"]), "labs", "--no-browser"]
    started = time.monotonic()
    with subprocess.Popen(
        [*command, "--port=0"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as labs:
        printed = iter(labs.stdout.readline, "")
        address = next(found[0] for line in printed if (found := re.search(r"http://\S+", line)))
        links, said = shown_by(browser, address)
        measured(f"Installed labs, index and first lab: {time.monotonic() - started:.1f} s")
        assert "Ctrl+C" in labs.stdout.readline()
        labs.send_signal(signal.SIGINT)
        assert labs.wait(timeout=30) == 0
    assert links == listed_labs()
    assert "doorbell" in said


@pytest.mark.slow
def test_server_uses_the_settings_of_the_labs(server, image):
    checkout, environment, _ = image
    for hidden in ("labs/voila.json", "labs/index.ipynb", "pyproject.toml"):
        assert fetch(f"{server}/voila/files/{hidden}")[0] == 403
    assert fetch(f"{server}/voila/health")[0] == 200
    shown = subprocess.run(
        [shutil.which("jupyter", path=environment["PATH"]), "server", "--show-config-json"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    settings = json.loads((checkout / "labs/voila.json").read_text(encoding="utf-8"))
    assert json.loads(shown.stdout)["MappingKernelManager"] == settings["MappingKernelManager"]
