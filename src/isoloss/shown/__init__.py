"""What a script or a notebook sees while it works with isoloss.

Read `itself` (data that show themselves), `progress` (which bar suits where one is) and `cell` (the
bar of a notebook). Imports `terminal` and what stands below it; of what draws only its names.
"""
