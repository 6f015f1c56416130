"""What peers run: programs of their own Python, by the packages of ``requirements.txt`` here."""
