"""Mutation testing: put one fault at a time into the physics and see whether the tests notice.

    python tests/mutate.py --sample 300 --seed 1

Faults are drawn line by line from formulas, engine, ledger and simulations. Each is tried in a
process of its own that compiles the faulty module from memory: the checkout is never written to.
Only tests that run the faulty statement are asked, the fastest first, until one fails.
"""

from __future__ import annotations

import argparse
import gc
import importlib.machinery
import importlib.util
import json
import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import coverage
import pytest
from mutations import Fault, faults_of, products_in
from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parents[1]
MUTATED = tuple(f"mlsysim/{name}" for name in ("formulas", "engine", "ledger", "simulations"))
# They start servers, browsers or installations, which see the checkout and not the fault.
_SERVERS = {"test_binder.py", "test_labs_server.py"}
# What every process inherits; mlsysim itself is loaded anew in each.
_LOADED_ONCE = ("hypothesis", "numpy", "pint", "scipy.optimize", "simpy", "jsonschema")
_SECONDS_BEYOND_EXPECTED = 10.0
_FASTEST = 30
_WANTED = 0.9
_WITHOUT_FAULT = "nothing: the module was loaded without its fault"

Lines = dict[str, dict[int, list[str]]]


@dataclass
class Trace:
    """Which tests run which lines (those run at import under ""), and how long tests take."""

    lines: Lines = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, lines: Lines, seconds: dict[str, float]) -> None:
        self.seconds |= seconds
        for path, by_line in lines.items():
            known = self.lines.setdefault(path, {})
            for line, tests in by_line.items():
                known[line] = known.get(line, []) + tests

    def tests_of(self, fault: Fault) -> dict[str, float]:
        """Return the tests that run the faulty statement, or its module if it runs at import.

        With the seconds that each takes, the fastest first.
        """
        by_line = self.lines.get(fault.path, {})
        asked = {test for line in fault.lines for test in by_line.get(line, [])}
        if "" in asked:
            asked = {test for tests in by_line.values() for test in tests}
        timed = ((self.seconds[test], test) for test in asked & self.seconds.keys())
        return {test: seconds for seconds, test in sorted(timed)}


class _Tracer:
    """Tells coverage which test runs, and takes its time.

    What a fixture of many tests runs is run for each of them, though only once.
    """

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured, self.seconds = measured, {}
        self.users: dict[str, list[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        for name in item.fixturenames:
            self.users.setdefault(f"fixture {name}", []).append(item.nodeid)
        self.measured.switch_context(item.nodeid)
        start = time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        if fixturedef.scope == "function":
            return (yield)
        self.measured.switch_context(f"fixture {fixturedef.argname}")
        result = yield
        self.measured.switch_context(request._pyfuncitem.nodeid)
        return result

    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed":
            self.seconds[report.nodeid] = -1.0

    def lines(self) -> Lines:
        data = self.measured.get_data()
        return {
            str(Path(name).relative_to(REPOSITORY)): {
                line: [test for context in contexts for test in self.users.get(context, [context])]
                for line, contexts in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module from a syntax tree in memory."""

    code: Any

    def get_code(self, fullname):  # noqa: ARG002 - one module, one code
        return self.code


class _Finder:
    def __init__(self, path: str, code: Any) -> None:
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.path, self.code = str(REPOSITORY / path), code

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 - the protocol of finders
        if name != self.name:
            return None
        loader = _Loader(name, self.path)
        loader.code = self.code
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


class _Chosen:
    """Keeps the tests that are asked, in their order, and has them find the faulty module.

    A test that takes far longer than without the fault ends its process: it has noticed.
    """

    def __init__(self, finder: _Finder, tests: dict[str, float]) -> None:
        self.finder, self.seconds = finder, tests
        self.order = {test: place for place, test in enumerate(tests)}
        self.failed = None

    def pytest_sessionstart(self):
        # Before the hook of pytest that rewrites assertions, which would find the file itself.
        sys.meta_path.insert(0, self.finder)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        limit = _SECONDS_BEYOND_EXPECTED + 10.0 * self.seconds[item.nodeid]
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.setitimer(signal.ITIMER_REAL, limit)
        result = yield
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        return result

    def pytest_collection_modifyitems(self, items):
        kept = [item for item in items if item.nodeid in self.order]
        items[:] = sorted(kept, key=lambda item: self.order[item.nodeid])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed = report.nodeid


def _pytest(plugin: object, paths: list[str]) -> int:
    # Without what only makes reports readable: it would take longer than most faults do.
    without = ["cacheprovider", "nbval", "unraisableexception", "terminal"]
    options = ["-x", "-o", "addopts=", "--assert=plain", "--doctest-modules"]
    options += [word for name in without for word in ("-p", f"no:{name}")]
    return int(pytest.main([*options, *paths], plugins=[plugin]))


def _traced(path: str) -> tuple[Lines, dict[str, float]]:
    """Run the tests of one file and return which of them run which lines, and their seconds."""
    measured = coverage.Coverage(data_file=None, config_file=False, source=list(MUTATED))
    tracer = _Tracer(measured)
    measured.start()
    _pytest(tracer, [path, "--maxfail=1000"])
    measured.stop()
    return tracer.lines(), {
        test: seconds for test, seconds in tracer.seconds.items() if seconds >= 0.0
    }


def _tried(path: str, code: Any, tests: dict[str, float]) -> str | None:
    """Return the test that notices a fault, or None where none does."""
    finder = _Finder(path, code)
    # Most faults fall to the fastest tests; for them the files of the others are never loaded.
    names = list(tests)
    for asked in filter(None, (names[:_FASTEST], names[_FASTEST:])):
        chosen = _Chosen(finder, {name: tests[name] for name in asked})
        outcome = _pytest(chosen, sorted({test.split("::")[0] for test in asked}))
        loaded = sys.modules.get(finder.name)
        if loaded is not None and not isinstance(loaded.__loader__, _Loader):
            return _WITHOUT_FAULT
        if outcome not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return chosen.failed or "while tests were collected"
    return None


def _child(end: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.setsid()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    end.send(function(*arguments))
    end.close()
    os._exit(0)  # no atexit handlers: they belong to the parent


Job = tuple[Any, Callable[..., Any], tuple[Any, ...], float]


def _in_processes(jobs: Iterator[Job], workers: int) -> Iterator[tuple[Any, Any]]:
    """Run each job in a forked process; yield its key and its result, or what stopped it."""
    forked = multiprocessing.get_context("fork")
    running: dict[Connection, tuple[Any, Any, float]] = {}
    exhausted = False
    while running or not exhausted:
        while len(running) < workers and not exhausted:
            job = next(jobs, None)
            exhausted = job is None
            if job is not None:
                key, function, arguments, limit = job
                here, there = forked.Pipe(duplex=False)
                process = forked.Process(target=_child, args=(there, function, arguments))
                process.start()
                there.close()
                running[here] = key, process, time.monotonic() + limit
        for end in [*wait(list(running), timeout=0.5), *_late(running)]:
            if end in running:
                key, process, _ = running.pop(end)
                yield key, _result(end, process)


def _late(running: dict[Connection, tuple[Any, Any, float]]) -> list[Connection]:
    now = time.monotonic()
    return [end for end, (_, _, limit) in running.items() if now > limit]


def _result(end: Connection, process: Any) -> Any:
    try:
        result = end.recv() if end.poll() else "the time limit"
    except EOFError:
        result = "a crash, or the time limit of one test"
    if process.is_alive():
        process.join(5.0 if result != "the time limit" else 0.0)
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return result


def trace(workers: int) -> Trace:
    """Run the whole suite once, file by file."""
    paths = [str(path) for path in sorted(Path("tests").glob("test_*.py"))]
    paths = [path for path in paths if Path(path).name not in _SERVERS]
    paths += ["tests/widgets", "mlsysim"]
    found = Trace()
    jobs: Iterator[Job] = ((path, _traced, (path,), 900.0) for path in paths)
    bar = tqdm(_in_processes(jobs, workers), total=len(paths), desc="Tracing", unit="file")
    for path, result in bar:
        if isinstance(result, str):
            sys.exit(f"{path} stopped by {result} while it was traced")
        found.add(*result)
    return found


def drawn(sample: int, seed: int) -> list[Fault]:
    """Draw faults: one from each line in random order, then a second one, and so on."""
    chance = random.Random(seed)  # noqa: S311 - a sample that can be drawn again
    by_line: dict[tuple[str, int], list[Fault]] = {}
    paths = sorted(path for folder in MUTATED for path in Path(folder).rglob("*.py"))
    sources = {str(path): path.read_text(encoding="utf-8") for path in paths}
    products = set().union(*map(products_in, sources.values()))
    for path, source in sources.items():
        for fault in faults_of(path, source, products):
            by_line.setdefault((path, fault.line), []).append(fault)
    lines = list(by_line.values())
    chance.shuffle(lines)
    for faults in lines:
        chance.shuffle(faults)
    rounds = (faults[i] for i in range(sample) for faults in lines if i < len(faults))
    return [fault for fault, _ in zip(rounds, range(sample), strict=False)]


def tried(faults: list[Fault], known: Trace, workers: int) -> dict[int, str | None]:
    """Return for each fault what noticed it, None where nothing did."""

    def jobs() -> Iterator[Job]:
        for number, fault in enumerate(faults):
            tests = known.tests_of(fault)
            limit = 10.0 * _SECONDS_BEYOND_EXPECTED + 3.0 * sum(tests.values())
            if tests:
                yield number, _tried, (fault.path, fault.compiled(), tests), limit

    noticed: dict[int, str | None] = dict.fromkeys(range(len(faults)))
    asked = sum(bool(known.tests_of(fault)) for fault in faults)
    with tqdm(total=asked, desc="Faults", unit="fault") as bar:
        for number, result in _in_processes(jobs(), workers):
            if result == _WITHOUT_FAULT:
                sys.exit(f"{faults[number].path} was loaded without its fault")
            noticed[number] = result
            bar.update()
            if result is None:
                tqdm.write(f"survived: {faults[number]}")
    return noticed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="how many faults to try")
    parser.add_argument("--seed", type=int, default=0, help="which faults are drawn")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write every fault and what noticed it")
    parser.add_argument("--trace", type=Path, help="keep the trace of the suite here, and reuse it")
    return parser.parse_args()


def _prepared(bytecode: str) -> None:
    """Load what all processes share, and keep what they compile out of the checkout."""
    os.chdir(REPOSITORY)
    # One thread each, and the same examples of Hypothesis every time.
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "CI": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in _LOADED_ONCE:
        importlib.import_module(name)
    gc.freeze()
    sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "widgets")]
    sys.dont_write_bytecode, sys.pycache_prefix = False, bytecode


def _known(options: argparse.Namespace) -> Trace:
    if options.trace and options.trace.exists():
        return pickle.loads(options.trace.read_bytes())  # noqa: S301 - written by ourselves
    known = trace(options.workers)
    if options.trace:
        options.trace.write_bytes(pickle.dumps(known))
    return known


def main() -> int:
    """Draw faults, try them, and tell what survived."""
    options = _arguments()
    with TemporaryDirectory() as bytecode:
        _prepared(bytecode)
        known = _known(options)
        faults = drawn(options.sample, options.seed)
        noticed = tried(faults, known, options.workers)
    if options.json:
        records = [{**fault.record(), "noticed_by": noticed[i]} for i, fault in enumerate(faults)]
        options.json.write_text(json.dumps(records, indent=1), encoding="utf-8")
    survivors = [fault for i, fault in enumerate(faults) if noticed[i] is None]
    for fault in sorted(survivors, key=lambda fault: (fault.path, fault.line)):
        tqdm.write(str(fault))
    score = 1.0 - len(survivors) / len(faults)
    tqdm.write(f"{score:.1%} of {len(faults)} faults noticed (seed {options.seed})")
    return int(score < _WANTED)


if __name__ == "__main__":
    sys.exit(main())
