"""Large libraries come without what nobody needs of them, and work all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def answer_of(program: str) -> str:
    """What a program says in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_networks_load_without_the_compiler_of_torch_which_is_there_when_it_is_wanted() -> None:
    program = (
        "import sys\n"
        "from maskgan.editing.pipeline import MaskGANPipeline\n"
        "MaskGANPipeline.load(device='cpu')\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "import importlib.metadata, torch\n"
        "assert torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item() == 2\n"
        "print('torch' in {p for v in importlib.metadata.packages_distributions().values() for p in v})"
    )
    assert answer_of(program) == "True"


def test_gradio_looks_at_no_sources_and_inspect_is_itself_again() -> None:
    pytest.importorskip("gradio")
    program = (
        "import inspect\n"
        "read = []\n"
        "of = inspect.getfile\n"
        "def noted(thing):\n"
        "    read.append(getattr(thing, '__module__', '')); return of(thing)\n"
        "inspect.getfile = noted\n"
        "import maskgan.ui, gradio\n"
        "assert inspect.getfile is noted\n"
        "print(any(str(name).startswith('gradio.components.') for name in read), gradio.Button('x').value)"
    )
    assert answer_of(program) == "False x"


def test_the_page_comes_without_libraries_that_are_there_when_they_are_wanted() -> None:
    pytest.importorskip("gradio")
    program = (
        "import sys\n"
        "import maskgan.ui.app, maskgan.ui.api\n"
        "from importlib.util import find_spec\n"
        "from maskgan.ui.slim_import import Later, bring_mcp\n"
        "assert not {'av', 'httpx._main', 'mcp', 'pandas.core', 'torch'} & set(sys.modules)\n"
        "assert find_spec('pandas').origin == sys.modules['pandas'].__file__\n"
        "import gradio, pandas, pandas.testing, maskgan.ui.lab.view as view\n"
        "table = gradio.Dataframe(view.pd.DataFrame({'loss': [0.5]})).value\n"
        "assert view.pd.DataFrame is pandas.DataFrame and not isinstance(sys.modules['pandas'], Later)\n"
        "bring_mcp()\n"
        "served = hasattr(gradio.mcp.GradioMCPServer, 'StreamableHTTPSessionManager')\n"
        "print(table['data'], served == (find_spec('mcp') is not None))"
    )
    assert answer_of(program) == "[[0.5]] True"


@pytest.mark.parametrize(
    ("variables", "spins"), [({}, "5000"), ({"OMP_WAIT_POLICY": "active"}, "None"), ({"GOMP_SPINCOUNT": "7"}, "7")]
)
def test_openmp_waits_briefly_unless_somebody_chose(variables: dict[str, str], spins: str) -> None:
    own = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    program = "import os, maskgan; print(os.environ.get('GOMP_SPINCOUNT'))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=240, check=True,
        env={**own, **variables, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.strip() == spins
