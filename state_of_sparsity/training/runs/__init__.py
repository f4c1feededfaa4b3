"""What a run leaves behind, goes on from and says as it goes."""
