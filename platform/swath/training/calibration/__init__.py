"""Calibrated uncertainty: fitted on blocks that a network has not learned from, and carried by its package.

`calibrate` makes it, and takes torch to import; here is what a recipe says of it.
"""

from swath.training.calibration.settings import CalibrationSettings

__all__ = ["CalibrationSettings"]
