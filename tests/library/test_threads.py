"""The same picture on any number of threads: a busy server gives each edit fewer than a lone visitor's has."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.sizes import NETWORK_SIZE
from maskgan.ui.examples import FOLDER


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def test_faces_and_edits_do_not_depend_on_the_number_of_threads() -> None:
    pipeline = MaskGANPipeline.load()
    photo = read_photo(sorted(FOLDER.glob("images/*.jpg"))[0])
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        face = pipeline.prepare(photo, None)
        whole = cv2.resize(face.mask, (NETWORK_SIZE, NETWORK_SIZE), interpolation=cv2.INTER_NEAREST)
        mask = face.mask.copy()
        cv2.ellipse(mask, (300, 150), (40, 30), 0, 0, 360, int(Label.HAT), -1)
        pipeline.painted.clear()
        edit = pipeline.edit(face, mask)
        assert edit.region.any()
        results.append((face.mask, *face.style, pipeline.engine.draw(whole, face.style), edit.crop))
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(same))
