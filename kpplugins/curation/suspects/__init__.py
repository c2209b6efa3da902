"""Labels that disagree with what a model finds that has not seen them.

``Evidence`` holds labels and predictions side by side; ``find_suspects`` turns them into suspects by kind; the report
and the page show them. Never imports torch.

Adding a new kind: a function in ``find`` that yields suspects, called in ``find_suspects``, and a line in ``KINDS``.
"""
