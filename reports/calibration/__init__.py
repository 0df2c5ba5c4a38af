"""The page of a calibration: how often verdicts are wrong."""
