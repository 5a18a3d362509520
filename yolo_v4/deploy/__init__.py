"""A trained network as ONNX, checked before it counts."""
