"""Which labels are wrong, and which images to label next.

``audit`` compares labels with the predictions of models that have not seen them: ``folds`` divides a data set,
``fold_run`` trains a run's config on each part, ``guesses`` predicts where the labels are. ``loop`` shows where a
project stands, by what its files say (``standing``).
"""
