"""Solvers that misbehave, each in one way, and one that behaves; for tests of the limits only.

``PLANBENCH_ADAPTERS`` names this file, as it names any adapter that is not installed.
"""

import ctypes
import errno
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from planbench.errors import SolverError
from planbench.solvers.base import OPTION_NAMES, Solution, SolverSpec

NAMES = (
    "good",
    "good-economy",
    "busy",
    "sleepy",
    "quick-then-hangs",
    "forks",
    "escapes",
    "hoards",
    "hoards-in-child",
    "jumps",
    "segfault",
    "real-segfault",
    "abort",
    "exit",
    "sys-exit",
    "raises",
    "raises-memory",
    "kills-itself",
    "nan",
    "wrong-shape",
    "not-a-solution",
    "own-limit",
    "modules",
    "nests",
    "talks",
    "slow-import",
    "environment",
    "child-peak",
    "once-slow",
    "jumps-a-little",
    "refuses",
    "prints-forever",
    "never-begins",
    "sleepy-with-pid",
    "grows-and-dies",
    "peaks",
    "imports-and-checks",
    "slow-check",
    "exact-bits",
    "tells-limit",
    "tells-stock",
    "computes",
    "forks-sharing",
    "fills-disk",
    "fills-disk-wholly",
    "stops-signals",
    "hoards-at-once",
    "hoards-in-jump",
    "hoards-in-threads",
    "hoards-in-children",
    "short-programs",
    "small-program",
    "near-limit",
)
SOLVERS = tuple(
    SolverSpec(
        name=f"fake-{name}",
        family="fake",
        method=name,
        module="misbehaving_adapter",
        packages=(),
        exact=name == "good",
        stock="nothing differs",
        takes=frozenset(OPTION_NAMES),
        accepts="economy" if name == "good-economy" else "lp",
    )
    for name in NAMES
)


def solve(problem, spec, options, phase):
    act = globals()["_" + spec.method.replace("-", "_")]
    if spec.method == "never-begins":
        time.sleep(3600)
    if spec.method in ("nests", "slow-import", "child-peak", "imports-and-checks", "slow-check"):
        return act(problem, options, phase)
    with phase("load"):
        lp = problem
    with phase("solve"):
        out = act(lp, options)
    with phase("extract"):
        return out


def _answer(lp, **more):
    facts = {"claim": "optimal", "objective": 1.0, "native_status": "fine", "version": "1.2"}
    return Solution(x=np.zeros(lp.n_cols), y=np.zeros(lp.n_rows), **{**facts, **more})


def _good(lp, options):
    """Solve by scipy: the point is the bookkeeping around it."""
    from scipy.optimize import linprog

    found = linprog(
        lp.minimisation_cost,
        A_ub=_signed(lp),
        b_ub=np.where(np.isfinite(lp.row_upper), lp.row_upper, -lp.row_lower),
        bounds=np.stack([lp.col_lower, lp.col_upper], axis=1),
        method="highs-ds",
    )
    sign = np.where(np.isfinite(lp.row_upper), -1.0, 1.0)
    return Solution(
        claim="optimal",
        x=found.x,
        y=found.ineqlin.marginals * sign,
        objective=-found.fun,
        native_status="0",
        iterations={"simplex": int(found.nit)},
        version="1",
        threads_used=1,
        options={"limit": float("inf")},
    )


def _signed(lp):
    import scipy.sparse as sp

    return sp.diags_array(np.where(np.isfinite(lp.row_upper), 1.0, -1.0)) @ lp.matrix


def _good_economy(economy, options):
    size = economy.n_activities + economy.n_targets
    return Solution("feasible", np.zeros(size), None, 0.0, "an economy was handed over")


def _busy(lp, options):
    # One call that never gives the interpreter lock back: catastrophic backtracking.
    re.match(r"(a|aa)+$", "a" * 200 + "b")


def _sleepy(lp, options):
    time.sleep(3600)


def _quick_then_hangs(lp, options):
    import threading

    # A result is there, but the process will not end: it is stopped as it goes down.
    stop = os._exit
    os._exit = lambda code: (time.sleep(3600), stop(code))
    assert threading.active_count() == 1
    return _answer(lp)


def _leave(name, pid):
    """Write `pid` into the job's folder, in one piece."""
    folder = Path(os.environ["TMPDIR"]).parent
    (folder / "part").write_text(str(pid))
    (folder / "part").rename(folder / name)


def _sleeping_child(*before):
    code = "import time, sys; time.sleep(3600)"
    return subprocess.Popen([sys.executable, "-c", code], preexec_fn=before[0] if before else None)


def _forks(lp, options):
    child = _sleeping_child()
    _leave("child.pid", child.pid)
    time.sleep(3600)


def _escapes(lp, options):
    child = _sleeping_child(os.setsid)
    _leave("child.pid", child.pid)
    time.sleep(3600)


def _hoards(lp, options):
    held = []
    while True:
        held.append(np.ones(1 << 20))
        time.sleep(0.002)


def _hoards_in_child(lp, options):
    code = "import time; held = [bytearray(2**20) for _ in range(400)]; time.sleep(3600)"
    subprocess.run([sys.executable, "-c", code], check=True)


def _jumps(lp, options):
    np.ones(1 << 42)


def _segfault(lp, options):
    os.kill(os.getpid(), 11)


def _real_segfault(lp, options):
    ctypes.string_at(0)


def _abort(lp, options):
    print("model has 3 rows")
    ctypes.CDLL(None).abort()


def _exit(lp, options):
    print("licence not found", flush=True)
    os._exit(3)


def _sys_exit(lp, options):
    sys.exit(3)


def _raises(lp, options):
    raise ValueError("singular basis")


def _raises_memory(lp, options):
    raise MemoryError("no room for the factors")


def _kills_itself(lp, options):
    os.kill(os.getpid(), 9)


def _nan(lp, options):
    nan = float("nan")
    return Solution("optimal", np.full(lp.n_cols, nan), np.full(lp.n_rows, nan), nan, "fine")


def _wrong_shape(lp, options):
    return Solution("optimal", np.zeros(lp.n_cols + 1), None, 0.0, "fine")


def _not_a_solution(lp, options):
    return None


def _own_limit(lp, options):
    return _answer(lp, claim="feasible", hit_limit=True)


def _modules(lp, options):
    return _answer(lp, notes=tuple(sorted(sys.modules)))


def _nests(lp, options, phase):
    with phase("load"), phase("solve"):
        return _answer(lp)


def _slow_import(lp, options, phase):
    time.sleep(1.5)
    with phase("solve"):
        return _answer(lp)


def _talks(lp, options):
    os.write(1, b"iteration 1\n")
    os.write(2, b"warning: slow\n")
    print("python says done")
    return _answer(lp)


def _environment(lp, options):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return _answer(lp, notes=tuple(f"{n}={os.environ[n]}" for n in names))


def _child_peak(lp, options, phase):
    code = "import time; held = bytearray(150 * 2**20); time.sleep(1.0)"
    with phase("solve"):
        subprocess.run([sys.executable, "-c", code], check=True)
    with phase("extract"):
        return _answer(lp)


def _once_slow(lp, options):
    time.sleep(float(options.native["seconds"]))
    return _answer(lp)


def _jumps_a_little(lp, options):
    np.empty(1 << 29)


def _refuses(lp, options):
    raise SolverError("this solver has no option presolve")


def _prints_forever(lp, options):
    while True:
        print("iteration " * 100)


def _never_begins(lp, options):
    raise AssertionError("solve() does not get here")


def _sleepy_with_pid(lp, options):
    _leave("worker.pid", os.getpid())
    time.sleep(3600)


def _grows_and_dies(lp, options):
    held = np.ones((220 << 20) // 8)
    time.sleep(1.0)
    os.kill(os.getpid(), 9 if held.size else 15)


def _peaks(lp, options):
    held = np.ones((150 << 20) // 8)
    del held
    return _answer(lp)


def _imports_and_checks(lp, options, phase):
    with phase("import"):
        pass
    with phase("check"):
        pass
    with phase("solve"):
        return _answer(lp)


def _slow_check(lp, options, phase):
    with phase("load"):
        pass
    with phase("check"):
        time.sleep(float(options.native["seconds"]))
    with phase("solve"):
        return _answer(lp)


def _exact_bits(lp, options):
    x, y = np.array([1 / 3, -0.0, 5e-324]), np.array([np.nan, 1e308])
    return Solution(
        "unbounded",
        x,
        y,
        0.1 + 0.2,
        "fine",
        iterations={"simplex": 3},
        primal_ray=-x,
        dual_ray=y[::-1],
        version="1.2.3",
        method_run="dual simplex",
        threads_used=1,
        options={"limit": float("inf"), "presolve": "off", "crash": True},
        notes=("rounded",),
    )


def _tells_limit(lp, options):
    return _answer(lp, notes=(f"told {options.time_limit} s",))


def _tells_stock(lp, options):
    return _answer(lp, notes=(f"stock {options.stock}",))


def _fills_disk(lp, options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _fills_disk_wholly(lp, options):
    # From here on no file of this process may have any bytes, so the result cannot be written.
    answer = _answer(lp)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return answer


def _computes(lp, options):
    until = time.monotonic() + float(options.native["seconds"])
    while time.monotonic() < until:
        pass
    return _answer(lp)


def _forks_sharing(lp, options):
    held = np.ones((150 << 20) // 8)
    child = os.fork()
    if child == 0:
        time.sleep(1.0)
        os._exit(0 if held.size else 1)
    os.waitpid(child, 0)
    return _answer(lp)


def _stops_signals(lp, options):
    import signal

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(name, signal.SIG_IGN)
    while True:
        time.sleep(1)


def _hoards_at_once(lp, options):
    held = []
    while True:
        held.append(np.ones(1 << 22))


def _hoards_in_jump(lp, options):
    # 1.8 GiB in one call: less than the backstop on private memory refuses.
    np.ones(1800 << 17)
    time.sleep(3600)


def _hoards_in_threads(lp, options):
    import threading

    threads = [threading.Thread(target=_hoards_at_once, args=(lp, options)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _hoards_in_children(lp, options):
    # Fast while far below the limit, then 4 MiB every 20 ms together, so that a sample that is late
    # on a busy machine finds little more.
    code = (
        "import time\nheld = [bytearray(2**20) for _ in range(230)]\n"
        "while len(held) < 400: held.append(bytearray(2**20)); time.sleep(0.02)\n"
        "time.sleep(3600)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    for child in children:
        child.wait()


def _short_programs(lp, options):
    from planbench.solvers.programs import run_program

    for size in (20, 90, 10):
        code = f"held = bytearray({size} << 20)"
        assert run_program([sys.executable, "-S", "-c", code]) == 0
    return _answer(lp)


def _small_program(lp, options):
    from planbench.solvers.programs import run_program

    held = np.ones((200 << 20) // 8)
    assert run_program(["true"]) == 0
    assert run_program(["false"]) == 1
    return _answer(lp, objective=float(held[0]))


def _near_limit(lp, options):
    level = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    held = np.ones(((385 << 20) - level) // 8)
    time.sleep(2.0)
    return _answer(lp, objective=float(held[0]))
