"""What Keras calls private of saving: each a function, as in `keras_internals.py`."""

from keras.src.backend.common import global_state


def is_writing_a_file() -> bool:
    """Returns whether Keras asks for a configuration to write it into a file, weights beside it.

    It asks in the same way for copies that get no weights (`clone_model`, `to_json`), and has no
    public sign of which it is. Only files share objects among configurations.
    """
    return global_state.get_global_attribute("shared_objects/id_to_config_map") is not None
