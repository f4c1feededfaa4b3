"""From the directories of finished runs to tables and plots; needs neither Keras nor TensorFlow."""
