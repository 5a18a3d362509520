"""Raw heads to boxes, and boxes to average precision."""
