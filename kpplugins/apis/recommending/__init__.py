"""Parts of ``apis.recommend``: from facts to one recipe.

- ``data_facts``      what is to be learnt: instances, their number and size in the images, how they are turned, …
- ``machine_facts``   what it is learnt on: cores, GPU, memory, speed, minutes
- ``shipped_recipe``  the recipes that can be recommended, and what each needs
- ``advice``          one decision: settings of the config, and the reason in a sentence
- ``choice``          which kind of model, which recipe, which input size
- ``settings``        batch size, boxes, augmentation, flips, validation
- ``schedule``        epochs within the minutes
- ``recommendation``  the result: text, JSON, config

Everything between the facts and the result is pure: numbers in, decisions with their reasons out.

Adding a recipe to choose from: a row in ``shipped_recipe.SHIPPED``. Adding a decision: a function that returns an
``Advice``, in ``settings``.
"""
