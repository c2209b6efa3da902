"""Run exported LiteRT files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.runtimes.cut_crop import cut_crop
from kpplugins.structures import BadInputError, MachineError


class LitertRuntime:
    """A LiteRT file; the crops are cut by OpenCV, one after the other.

    Args:
        file: in its exported folder, whose ``model.json`` says how crops are cut.
        threads: of one run; default: one.

    Raises:
        MachineError: ai-edge-litert is not installed.
        BadInputError: the file cannot be loaded.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MachineError(
                "ai-edge-litert is not installed, which runs this model", where=str(file),
                todo="pip install 'kpplugins[litert]'",
            ) from error  # fmt: skip
        self.facts = ExportedFolder.read(file.parent).facts
        try:
            self.interpreter = Interpreter(str(file), num_threads=threads or 1)
            self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BadInputError(
                "LiteRT cannot load this file", where=str(file), found=" ".join(str(error).split())[:200],
                todo="upgrade ai-edge-litert, or export the run again",
            ) from error  # fmt: skip
        (self.input,) = (tensor["index"] for tensor in self.interpreter.get_input_details())
        # places (1, K, 2) and scores (1, K)
        found = sorted(self.interpreter.get_output_details(), key=lambda tensor: -len(tensor["shape"]))
        self.outputs = [tensor["index"] for tensor in found]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Find keypoints.

        Args:
            inputs: ``image`` (H, W, 3) BGR uint8, and ``boxes`` (N, 4).

        Returns:
            ``keypoints`` (N, K, 2) in pixels of the image, and ``scores`` (N, K).
        """
        k = self.facts["outputs"][1]["shape"][1]
        keypoints, scores = [np.zeros((0, k, 2), np.float32)], [np.zeros((0, k), np.float32)]
        for box in inputs["boxes"]:
            crop, origin, scale = cut_crop(inputs["image"], box, self.facts["crop"], self.facts["input_size"])
            self.interpreter.set_tensor(self.input, crop[None])
            self.interpreter.invoke()
            places, found = (self.interpreter.get_tensor(index) for index in self.outputs)
            keypoints.append((places * scale + origin).astype(np.float32))
            scores.append(found)
        return {"keypoints": np.concatenate(keypoints), "scores": np.concatenate(scores)}
