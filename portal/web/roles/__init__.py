"""Roles: what each allows, who has it, and those that teams make for themselves."""
