"""How well digits are read and how sure of it one may be: accuracy, intervals, calibration, paired tests."""
