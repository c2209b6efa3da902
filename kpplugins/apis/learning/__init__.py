"""Parts of ``apis.learning_curve``: ``nested_parts`` of the training split, the ``power_law`` through their errors."""
