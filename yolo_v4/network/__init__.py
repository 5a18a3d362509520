"""The ResNet YOLOv4 network, its grids, and its weights on disk."""
