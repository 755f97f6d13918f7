"""One training shared by several processes, over MPI: ``model.fit(..., distributed=True)``.

Each batch is cut into shards by its rows alone; each rank calculates the gradients of some of them; these are added up
along a tree that the number of shards alone decides. So every bit is the same on any number of ranks.
"""

from glassnet.distributed.job import abort, as_job, number_of_ranks, rank_of_job
from glassnet.distributed.together import Together

__all__ = ["Together", "abort", "as_job", "number_of_ranks", "rank_of_job"]
