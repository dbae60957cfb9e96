"""Measures by networks that do not come with this project: LPIPS, FID's Inception, a face embedder.

Nothing here touches the network unless `download` is asked for, and then it waits seconds, not minutes.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

#: Seconds until a host that does not answer is given up.
TIMEOUT = 10.0

#: Side that dlib's landmark predictor and embedder are given, and where the face lies in an aligned crop of that side
#: (left, top, right, bottom): dlib's own detector finds much the same place, but not in every drawn picture.
FACE_SIDE, FACE_BOX = 256, (58, 90, 198, 230)
#: Side of dlib's face chips and the margin around the face, as its embedder was trained.
CHIP_SIDE, CHIP_MARGIN = 150, 0.25

#: uint8 RGB pictures (N, S, S, 3) -> features or embeddings (N, D).
Embedder = Callable[[np.ndarray], np.ndarray]


class MissingMeasureError(Exception):
    """A measure cannot be taken here; the message is one sentence that says what is missing and how to get it."""


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """New sockets give up after so many seconds within the block; downloads have no timeout of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def cached_weights(measure: str, url: str, download: bool) -> Path:
    """The file of pretrained weights in torch's own cache, where torch's downloads put it.

    Its name ends in the first digits of its SHA-256, as is the custom of torch.hub. Raises MissingMeasureError.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.exists():
        return path
    reason = f"{path.name} is not in {path.parent}"
    if download:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _socket_timeout(TIMEOUT):
                torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
        except (OSError, RuntimeError) as error:  # no way there; a file with another hash
            reason = f"{path.name} could not be downloaded ({error})"
        else:
            return path
    raise MissingMeasureError(
        f"{measure} is left out: {reason}; run once with --download where there is internet, or copy the file there."
    )


def lpips(device: torch.device, download: bool = False) -> Callable[[Tensor, Tensor], Tensor]:
    """LPIPS (Zhang et al., CVPR 2018) on AlexNet's features: two batches (N, 3, S, S) in [-1, 1] -> their mean."""
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    from torchvision.models import AlexNet_Weights

    cached_weights("LPIPS", AlexNet_Weights.DEFAULT.url, download)
    return LearnedPerceptualImagePatchSimilarity("alex").to(device)


def inception(device: torch.device, download: bool = False) -> Embedder:
    """The 2048 pooled features that FID (Heusel et al., 2017) is defined on, by torchmetrics and torch-fidelity."""
    if importlib.util.find_spec("torch_fidelity") is None:
        raise MissingMeasureError(
            "FID is left out: torch-fidelity is not installed; pip install torch-fidelity, then give --download."
        )
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    from torchmetrics.image.fid import NoTrainInceptionV3

    weights = cached_weights("FID", URL_INCEPTION_V3, download)
    network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(weights)).to(device)

    @torch.inference_mode()
    def features(pictures: np.ndarray) -> np.ndarray:
        return network(torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device)).cpu().numpy()

    return features


def face_embedder() -> Embedder:
    """128 numbers per face by dlib's ResNet (public domain), less than 0.6 apart for two pictures of one person.

    The five landmarks that align a face are looked for where an aligned crop has it. Raises MissingMeasureError.
    """
    models = importlib.util.find_spec("face_recognition_models")
    if models is None or importlib.util.find_spec("dlib") is None:
        raise MissingMeasureError(
            "Identity distance is left out: dlib and its face models are not installed; "
            "pip install dlib-bin face_recognition_models."
        )
    import dlib

    folder = Path(models.origin).parent / "models"  # the package itself cannot be imported without old setuptools
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))
    landmarks = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    box = dlib.rectangle(*FACE_BOX)

    def chip(picture: np.ndarray) -> np.ndarray:
        picture = cv2.resize(picture, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_LINEAR)
        return dlib.get_face_chip(picture, landmarks(picture, box), CHIP_SIDE, CHIP_MARGIN)

    return lambda pictures: np.array(network.compute_face_descriptor([chip(picture) for picture in pictures]))
