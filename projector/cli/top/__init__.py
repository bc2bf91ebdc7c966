"""`projector top`: what happens now, on a full screen. Textual is loaded here and nowhere else."""
