"""Numbers of the field: gain, misfit and their relatives, and the exact finite-sample laws."""
