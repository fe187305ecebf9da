"""What scoring costs: stage by stage beside the floor that the machine sets, and as a whole on all cores."""
