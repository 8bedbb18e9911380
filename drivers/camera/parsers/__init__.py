"""The pure part of the camera: what was read in each picture, and what to believe of it."""
