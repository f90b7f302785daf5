"""Networks for other programs: ONNX files, and cfg files that any Darknet reads."""

from pylrm.export.deploy import deploy
from pylrm.export.model import OPSET, export_onnx

__all__ = ["OPSET", "deploy", "export_onnx"]
