"""Economies from recipes: who buys from whom, how much, planted optima."""
