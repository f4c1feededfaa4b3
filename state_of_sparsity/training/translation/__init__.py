"""Text by a trained model, and its score."""
