""" "Who can see this?": for a permission at a team, who has it and why; or why somebody does not."""
