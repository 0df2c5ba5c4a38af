"""Agreement of explanations with words that are known to be the evidence; it says nothing about faithfulness."""
