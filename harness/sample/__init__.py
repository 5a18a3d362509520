"""Made frames: traffic-camera pictures with labels, drawn from a seed, for trying the workflow without a download."""
