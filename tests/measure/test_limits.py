"""Limits hold and every way of ending is told apart, whatever the solver does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.measure.job import Job
from planbench.measure.launch import run_job

from .conftest import ADAPTER, MIB
