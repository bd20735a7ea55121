"""A small linear program on disk, and a way to run a fake solver on it."""

from pathlib import Path

import numpy as np
import pytest

from planbench.io.npz import save_npz
from planbench.measure.launch import run_job
from planbench.measure.protocol import Job
from planbench.model import make_economy, make_linear_program
from planbench.solvers.base import SolveOptions


@pytest.fixture(autouse=True)
def adapter(monkeypatch):
    """Make the misbehaving solvers known, here and in workers."""
    path = Path(__file__).with_name("misbehaving_adapter.py")
    monkeypatch.setenv("PLANBENCH_ADAPTERS", str(path))


@pytest.fixture(scope="session")
def lp_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("instance") / "lp.npz"
    lp = make_linear_program(
        matrix=np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 2.0]]),
        cost=[1.0, 1.0, 1.0],
        row_lower=[-np.inf, -np.inf],
        row_upper=[4.0, 2.0],
        maximise=True,
    )
    save_npz(lp, path)
    return path


@pytest.fixture(scope="session")
def economy_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("instance") / "economy.npz"
    economy = make_economy(
        inputs=[[0.0, 0.2], [0.1, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 2.0]],
        endowment=[10.0],
        assortment=[1.0, 1.0],
    )
    save_npz(economy, path)
    return path


@pytest.fixture
def launch(lp_file, tmp_path):
    """Run the fake solver of that name; the job's folder is ``tmp_path``."""

    def start(
        name, *, time_limit_s=20.0, memory_limit_bytes=2 << 30, file=None, progress=None, **options
    ):
        job = Job(
            instance=str(file or lp_file),
            solver=f"fake-{name}",
            folder=str(tmp_path),
            options=SolveOptions(**options),
        )
        return run_job(
            job,
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            progress=progress,
        )

    return start
