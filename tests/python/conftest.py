"""Shared set-up of the Python tests: the scripts' helpers on the path, quiet engines, a cache folder in the build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "scripts"))
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """Where models that are made or downloaded are kept between test runs."""
    return REPO / "build" / "models"
