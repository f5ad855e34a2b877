"""Which panels are where: layouts, folded sides, and where imgui has docked what."""
