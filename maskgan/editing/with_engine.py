"""The engine of an editor and the networks in it: loaded, saved, on a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskgan.editing.engine import Engine
from maskgan.onnx.folder import is_export
from maskgan.snapshots import newest_snapshot

if TYPE_CHECKING:
    import torch
    from diffusers import ModelMixin
    from typing_extensions import Self

    from maskgan.networks.dense_mapping import DenseMappingNetwork
    from maskgan.networks.face_parser import FaceParser
    from maskgan.networks.mask_vae import MaskVAE

#: Folder of the bundled weights.
WEIGHTS = Path(__file__).parents[1] / "weights"


class WithEngine:
    """Something that has an engine for its networks.

    Attributes:
        engine: what runs the networks.
        weights: which weights they have.
    """

    def __init__(
        self, dmn: DenseMappingNetwork, parser: FaceParser, mask_vae: MaskVAE | None = None, **others: ModelMixin
    ) -> None:
        from maskgan.networks.engine import TorchEngine

        self._start(TorchEngine({"dmn": dmn, "parser": parser, "mask_vae": mask_vae, **others}))

    def _start(self, engine: Engine) -> None:
        self.engine, self.weights = engine, engine.weights

    @classmethod
    def over(cls, engine: Engine) -> Self:
        """The editor over an engine."""
        made = cls.__new__(cls)
        made._start(engine)
        return made

    @classmethod
    def load(cls, folder: str | Path | None = None, device: str | None = None) -> Self:
        """Load and check trained networks (see `maskgan.networks.checkpoints`), in float32.

        Args:
            folder: a pipeline folder, or a run or its weights folder for the newest snapshot in it, or exported
                networks (with `onnx.json`); the weights that come with the package when it is not given.
            device: "cuda", "mps" or "cpu"; the first of them that is available when it is not given (exported networks:
                the CPU).

        Raises:
            FileNotFoundError: the folder holds no pipeline.
            WeightsRefused: something is wrong with the pipeline in it.
        """
        place = Path(folder or WEIGHTS)
        if is_export(place):
            from maskgan.onnx.engine import OnnxEngine

            return cls.over(OnnxEngine(place, device))
        from maskgan.networks.engine import TorchEngine

        return cls.over(TorchEngine.load(newest_snapshot(place), device))

    @property
    def networks(self) -> dict[str, ModelMixin]:
        """All networks of torch by name."""
        try:
            return self.engine.networks
        except AttributeError as error:
            raise ValueError("Exported networks are no networks of torch; load the weights themselves.") from error

    @property
    def dmn(self) -> DenseMappingNetwork:
        """The generator."""
        return self.networks["dmn"]

    @property
    def parser(self) -> FaceParser:
        """The parser."""
        return self.networks["parser"]

    @property
    def mask_vae(self) -> MaskVAE | None:
        """MaskVAE, where there is one."""
        return self.networks.get("mask_vae")

    @property
    def device(self) -> str:
        """Where the networks run, such as "cpu" or "cuda:0"."""
        return self.engine.device

    @property
    def shares_device(self) -> bool:
        """Whether edits beside each other take no longer than one after another: on a CPU's cores, not on a GPU."""
        return self.device.startswith("cpu")

    def save(self, folder: str | Path) -> None:
        """Write `model_index.json` and a folder per network, as `load` reads them; not of exported networks."""
        from maskgan.networks.checkpoints import save_networks

        save_networks(Path(folder), self.networks)

    def to(self, target: str | torch.device | torch.dtype) -> Self:
        """Move all networks (of torch) to a device, or convert them to a dtype, in place."""
        from torch.nn import Module

        for network in self.networks.values():
            Module.to(network, target)  # diffusers' own `to` imports torch's compiler, to look for hooks
        return self
