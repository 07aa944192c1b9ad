"""The trusted side: what is measured, started from its image, and entered by bytes alone."""
