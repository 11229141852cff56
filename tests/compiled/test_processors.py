"""One hash everywhere: trainings by the compiled engine give the same bytes on every processor.

The hashes in hashes.json are those of any processor, any number of threads and any system. Numba
compiles for another processor of the family when it is told its name; that this is so is seen in
the registers that the compiled code uses.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import hashes

WANTED = json.loads(Path(__file__).with_name("hashes.json").read_text())
FEATURES = Path("/proc/cpuinfo")


def runs_here(feature):
    return FEATURES.exists() and f" {feature} " in FEATURES.read_text().replace("\n", " \n ")


def compiled_for(processor, tmp_path):
    """The hashes and the registers of a process that compiles for this processor, all anew."""
    # Without its features those of the processor at hand would stay on.
    told = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    tests = Path(hashes.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, hashes.__file__, "2"],
        env=os.environ | told | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_threads_change_no_bit(threads):
    assert hashes.hashes(threads) == WANTED


@pytest.mark.skipif(sys.platform != "linux" or not runs_here("avx2"), reason="needs x86 with AVX2")
@pytest.mark.parametrize(
    ("processor", "feature", "registers", "fma"),
    [
        ("x86-64", "sse2", "xmm", False),
        pytest.param("x86-64-v3", "avx2", "ymm", True, marks=pytest.mark.long),
        pytest.param("haswell", "avx2", "ymm", True, marks=pytest.mark.long),
        pytest.param("skylake-avx512", "avx512f", "zmm", True, marks=pytest.mark.long),
        pytest.param("znver4", "avx512f", "zmm", True, marks=pytest.mark.long),
    ],
)
def test_processors_change_no_bit(processor, feature, registers, fma, tmp_path):
    if not runs_here(feature):
        pytest.skip(f"this processor has no {feature}")
    found, *used = compiled_for(processor, tmp_path)
    assert used == [registers, fma]
    assert found == WANTED
