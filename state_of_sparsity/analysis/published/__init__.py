"""What others published: the study's numbers and later ones, to hold one's own runs against."""
