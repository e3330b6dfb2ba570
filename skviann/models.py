"""Functions that build the Keras networks behind the estimators, and their parts."""

import keras


def check_parts(activation, optimizer, callbacks):
    """Raise an error if Keras does not know what a network is to be made of.

    Raises
    ------
    ValueError
        If Keras knows no activation or optimizer of that name.
    TypeError
        If one of the callbacks is not a Keras callback.
    """
    for kind, known, part in (
        ("activation", keras.activations, activation),
        ("optimizer", keras.optimizers, optimizer),
    ):
        try:
            known.get(part)
        except ValueError as error:
            raise ValueError(
                f"{kind} must be a name that keras.{kind}s.get knows, or for the "
                f"optimizer an instance; got {part!r}."
            ) from error
    for callback in callbacks or ():
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must hold instances of keras.callbacks.Callback, "
                f"got {callback!r}."
            )


def make_optimizer(optimizer, learning_rate):
    """Build a new optimizer from a name, or as a copy without the original's state.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        Which one.
    learning_rate : float or None
        None keeps the optimizer's own.

    Returns
    -------
    optimizer : keras.optimizers.Optimizer
    """
    new = keras.optimizers.get(
        optimizer
        if isinstance(optimizer, str)
        else keras.optimizers.serialize(optimizer)
    )
    if learning_rate is not None:
        new.learning_rate = learning_rate
    return new


def build_mlp(
    n_features, n_outputs, *, hidden_layer_sizes, activation, output_activation
):
    """Build a multilayer perceptron for standardised features.

    The first layer's weights start small, from a normal distribution with a standard
    deviation of 0.05 as in the VIANN paper: a weight's size at the end, and its way
    there, then tell what training made of it rather than where it began.

    Parameters
    ----------
    n_features, n_outputs : int
        Width of the input and of the output.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; empty for a linear model.
    activation, output_activation : str
        Keras activations of the hidden layers and of the output.

    Returns
    -------
    model : keras.Sequential
        Not yet compiled.
    """
    hidden = [keras.layers.Dense(units, activation) for units in hidden_layer_sizes]
    output = keras.layers.Dense(n_outputs, output_activation)
    first, *others = [*hidden, output]
    first.kernel_initializer = keras.initializers.RandomNormal(stddev=0.05)
    return keras.Sequential([keras.Input((n_features,)), first, *others])
