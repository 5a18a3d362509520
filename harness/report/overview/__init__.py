"""One page that tells a run, a comparison and a cost at a glance; and the same as text.

`gather` reads what is on disk into the frozen facts of `facts`; `text` and `page` draw these and nothing
else, so that the two cannot say different things.
"""
