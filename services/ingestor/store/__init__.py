"""The facts and the rollups over them: the only code that writes either."""
