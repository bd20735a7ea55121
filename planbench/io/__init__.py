"""Files: npz, CSV folders, MPS and LP, plan files, input-output tables."""
