"""The Paint tab without a page, with tiny random networks: fixtures."""

from __future__ import annotations

import gradio as gr
import pytest
import torch
from strokes import LOOK

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.ui.examples import Examples
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session


def random_networks() -> MaskGANPipeline:
    """An editor that draws nothing that makes sense, and the same at every call."""
    torch.manual_seed(0)
    return MaskGANPipeline(DenseMappingNetwork.preset("tiny"), FaceParser(widths=(8, 8, 8, 8, 8)))


@pytest.fixture(scope="module", name="pipeline")
def random_pipeline() -> MaskGANPipeline:
    return random_networks()


@pytest.fixture(scope="module", name="examples")
def the_examples(pipeline: MaskGANPipeline) -> Examples:
    return Examples(pipeline)


@pytest.fixture(scope="module", name="tab")
def the_tab(pipeline: MaskGANPipeline, examples: Examples) -> PaintTab:
    with gr.Blocks():
        return PaintTab(pipeline, examples, max_pixels=4_000_000)


@pytest.fixture(name="session")
def a_session(tab: PaintTab) -> Session:
    """The first example is open."""
    return tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
