"""Numbers that one can publish, from the attempts of runs or from any table of scores."""
