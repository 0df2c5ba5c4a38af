"""Page of a calibration: the error rates of verdicts."""
